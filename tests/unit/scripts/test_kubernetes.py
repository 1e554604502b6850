"""scripts/kubernetes: what is applied, and that it fits the harness.

Jobs, pods (the RayJob's as well), claims and ConfigMaps are held to Kubernetes' published schemas,
from the package kubernetes-validate; the RayJob's own fields are test_rayjob.py's.
"""

from __future__ import annotations

import argparse
import copy
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from sut.config.flags import ENVIRONMENT, build_parser, to_overrides
from sut.config.schema import RunConfig
from sut.config.sources import load
from sut.errors import ConfigError
from tests.unit.scripts.kustomize import Manifest, render

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "scripts" / "kubernetes"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
RUNS = {"single-node": "cuda", "cpu": "cpu", "ray": "cuda", "ray-data": "cuda"}
ON_RAY = ("ray", "ray-data")
OVERLAYS = {name: FOLDER / "overlays" / name for name in (*RUNS, "reader")}
APPLIED = {"results": FOLDER / "results"} | OVERLAYS
RENDERED = {name: render(folder) for name, folder in APPLIED.items()}
COMMAND = ["python", "-m", "sut.main"]
USER = 10001
GPU = "nvidia.com/gpu"
# Offline, Server and Interactive for performance and accuracy, and one compliance test, of 13,368
# to 26,736 samples each, at the 3.4 samples/s that somebody measured on an A30 in BF16.
LONGEST_SESSION_S = (26_736 + 2 * 13_368 + 3 * 13_368 + 100) / 3.4
KUBERNETES_VERSIONS = ("1.30", "1.36")


def pick(overlay: str, kind: str) -> Manifest:
    """The only object of a kind that an overlay holds."""
    (found,) = [manifest for manifest in RENDERED[overlay] if manifest["kind"] == kind]
    return found


def templates(overlay: str) -> dict[str, Manifest]:
    """Every pod that an overlay leads to: name → the object that holds its spec."""
    if overlay == "reader":
        return {"reader": pick(overlay, "Pod")}
    if overlay not in ON_RAY:
        return {"job": pick(overlay, "Job")["spec"]["template"]}
    spec = pick(overlay, "RayJob")["spec"]
    cluster = spec["rayClusterSpec"]
    workers = {group["groupName"]: group["template"] for group in cluster["workerGroupSpecs"]}
    pods = {"submitter": spec["submitterPodTemplate"], "head": cluster["headGroupSpec"]["template"]}
    return pods | workers


PODS = [
    pytest.param(template["spec"], id=f"{overlay}-{name}")
    for overlay in OVERLAYS
    for name, template in templates(overlay).items()
]


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["containers"], *pod.get("initContainers", ())]


def command_of(overlay: str) -> list[str]:
    """The harness's command line as the overlay runs it."""
    if overlay in ON_RAY:
        return shlex.split(pick(overlay, "RayJob")["spec"]["entrypoint"])
    (container,) = templates(overlay)["job"]["spec"]["containers"]
    return [*container["command"], *container["args"]]


def parsed(overlay: str) -> argparse.Namespace:
    words = command_of(overlay)
    assert words[: len(COMMAND)] == COMMAND
    namespace: argparse.Namespace = build_parser().parse_args(words[len(COMMAND) :])
    return namespace


def resolved(overlay: str) -> RunConfig:
    """The configuration that the overlay's arguments and its run.yaml lead to."""
    folder = OVERLAYS[overlay]
    return load(
        to_overrides(parsed(overlay)),
        environment={},
        card="NVIDIA A30" if RUNS[overlay] == "cuda" else None,
        host_name="node-1",
        config_file=folder / "run.yaml",
    ).config


# -- rendering ------------------------------------------------------------------------------------


def program() -> list[str] | None:
    """kustomize, by itself or as a part of kubectl; neither reaches for a cluster here."""
    if shutil.which("kustomize"):
        return ["kustomize", "build"]
    return ["kubectl", "kustomize"] if shutil.which("kubectl") else None


@pytest.mark.parametrize("name", APPLIED)
def test_kustomize_renders_what_the_tests_look_at(name: str) -> None:
    command = program()
    if command is None:
        pytest.skip("neither kustomize nor kubectl is installed")
    done = subprocess.run([*command, str(APPLIED[name])], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    theirs = re.sub(r"\bsut-run-[a-z0-9]{10}\b", "sut-run", done.stdout)
    assert by_name(list(yaml.safe_load_all(theirs))) == by_name(RENDERED[name])
    if name in RUNS:
        assert len(set(re.findall(r"\bsut-run-[a-z0-9]{10}\b", done.stdout))) == 1
        assert not re.search(r"name: sut-run\n", done.stdout), "a reference without its hash"


def by_name(manifests: list[Manifest]) -> dict[tuple[str, str], Any]:
    """Objects by name; their named lists, whose order says nothing, in one order."""
    return {(m["kind"], m["metadata"]["name"]): in_order(m) for m in manifests}


def in_order(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: in_order(value) for key, value in tree.items()}
    if isinstance(tree, list) and all(isinstance(item, dict) and "name" in item for item in tree):
        return sorted((in_order(item) for item in tree), key=lambda item: str(sorted(item.items())))
    return tree


def test_deleting_an_overlay_leaves_the_results() -> None:
    assert [m["kind"] for m in RENDERED["results"]] == ["PersistentVolumeClaim"]
    for overlay in OVERLAYS:
        assert "PersistentVolumeClaim" not in [m["kind"] for m in RENDERED[overlay]]


# -- security -------------------------------------------------------------------------------------


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_is_not_root_and_has_no_rights(pod: Manifest) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True
    assert {context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {USER}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    for container in containers(pod):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize("pod", PODS)
def test_every_mount_has_its_volume_and_every_volume_a_mount(pod: Manifest) -> None:
    mounted = {mount["name"] for c in containers(pod) for mount in c["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


@pytest.mark.parametrize("overlay", RUNS)
def test_what_a_run_writes_is_writable(overlay: str) -> None:
    for name, template in templates(overlay).items():
        pod = template["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        (container,) = pod["containers"]
        mounts = {m["mountPath"]: volumes[m["name"]] for m in container["volumeMounts"]}
        for path in ("/tmp", "/cache"):
            assert "sizeLimit" in mounts[path]["emptyDir"], f"{name}: {path}"
        if name != "submitter":
            assert mounts["/dev/shm"]["emptyDir"]["medium"] == "Memory"
        if name in ("job", "head"):
            assert mounts["/results"]["persistentVolumeClaim"]["claimName"] == "sut-results"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_environment_is_the_harness_s_own_and_holds_no_secret(overlay: str) -> None:
    for template in templates(overlay).values():
        for container in containers(template["spec"]):
            assert "envFrom" not in container
            for variable in container.get("env", ()):
                assert variable["name"] in {*ENVIRONMENT, "HF_TOKEN"}
                if variable["name"] == "HF_TOKEN":
                    reference = variable["valueFrom"]["secretKeyRef"]
                    assert reference == {"name": "hf-token", "key": "HF_TOKEN", "optional": True}


def test_no_file_holds_a_secret() -> None:
    files = [
        path
        for folder in ("kubernetes", "container")
        for path in (ROOT / "scripts" / folder).rglob("*")
    ]
    texts = {path: path.read_text("utf-8") for path in files if path.is_file()}
    assert len(texts) > 15
    for path, text in texts.items():
        assert not re.search(r"\bhf_[A-Za-z0-9]{8,}", text), path
        assert not re.search(r"^kind: Secret$", text, re.MULTILINE), path
        assert not re.search(r"sha256:[0-9a-f]{8,}", text), f"{path}: a digest nobody can check"


# -- one measurement ------------------------------------------------------------------------------


@pytest.mark.parametrize("pod", PODS)
def test_a_pod_is_never_started_again(pod: Manifest) -> None:
    assert pod["restartPolicy"] == "Never"


@pytest.mark.parametrize("pod", PODS)
def test_requests_equal_limits(pod: Manifest) -> None:
    for container in containers(pod):
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])


@pytest.mark.parametrize("overlay", ["single-node", "cpu"])
def test_a_job_measures_once_within_a_time(overlay: str) -> None:
    spec = pick(overlay, "Job")["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["activeDeadlineSeconds"] > LONGEST_SESSION_S
    assert spec["ttlSecondsAfterFinished"] > 0
    assert not {"completions", "parallelism", "podFailurePolicy", "successPolicy"} & set(spec)


def test_a_rayjob_measures_once_within_a_time() -> None:
    spec = pick("ray", "RayJob")["spec"]
    assert spec["backoffLimit"] == 0
    assert spec["submitterConfig"]["backoffLimit"] == 0
    assert spec["submissionMode"] == "K8sJobMode"
    assert spec["activeDeadlineSeconds"] > LONGEST_SESSION_S
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["ttlSecondsAfterFinished"] > 0


@pytest.mark.parametrize("overlay", RUNS)
def test_the_exit_code_of_the_run_is_that_of_the_container(overlay: str) -> None:
    words = command_of(overlay)
    assert words[: len(COMMAND)] == COMMAND
    assert not {";", "|", "||", "&&", "&"} & set(words)


# -- GPUs and replicas ----------------------------------------------------------------------------


def gpus(pod: Manifest) -> list[Any]:
    return [container["resources"]["limits"].get(GPU) for container in pod["containers"]]


def test_only_what_computes_on_a_gpu_asks_for_one() -> None:
    assert gpus(templates("single-node")["job"]["spec"]) == ["1"]
    assert gpus(templates("cpu")["job"]["spec"]) == [None]
    assert {name: gpus(t["spec"]) for name, t in templates("ray").items()} == {
        "submitter": [None],
        "head": [None],
        "gpu": ["1"],
    }


def test_the_ray_cluster_has_one_size_and_no_replica_on_its_head() -> None:
    cluster = pick("ray", "RayJob")["spec"]["rayClusterSpec"]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert cluster["enableInTreeAutoscaling"] is False
    assert cluster["authOptions"] == {"mode": "token"}
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] == group["replicas"] == group["maxReplicas"] > 1


def test_ray_is_the_version_that_the_image_installs() -> None:
    version = pick("ray", "RayJob")["spec"]["rayClusterSpec"]["rayVersion"]
    extra = map(Requirement, PROJECT["optional-dependencies"]["ray"])
    (ray,) = [requirement for requirement in extra if requirement.name == "ray"]
    assert ray.specifier.contains(version), f"{version} is not {ray}"
    constraints = (ROOT / "constraints.txt").read_text("utf-8")
    assert re.findall(r"^ray==(\S+)$", constraints, re.MULTILINE) in ([], [version])


# -- the harness's own view -----------------------------------------------------------------------


@pytest.mark.parametrize("overlay", RUNS)
def test_the_arguments_parse_and_name_what_is_mounted(overlay: str) -> None:
    namespace = parsed(overlay)
    pod = templates(overlay)["head" if overlay in ON_RAY else "job"]["spec"]
    mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
    assert mounts[namespace.results_dir] == "results"
    assert mounts[str(namespace.config.parent)] == "config"
    assert namespace.config.name in pick(overlay, "ConfigMap")["data"]


@pytest.mark.parametrize(("overlay", "platform"), RUNS.items())
def test_the_configuration_resolves_for_the_platform_of_the_image(
    overlay: str, platform: str
) -> None:
    config = resolved(overlay)
    assert config.system.platform == platform
    assert config.profile == "quick"
    assert config.results_dir == Path("/results")


def test_a_misspelt_argument_would_be_noticed() -> None:
    with pytest.raises(ConfigError):
        build_parser().parse_args([*command_of("cpu")[len(COMMAND) :], "--result-dir", "/results"])


def test_the_run_on_ray_takes_every_worker_of_its_cluster() -> None:
    namespace = parsed("ray")
    assert str(namespace.replicas) == "all"
    assert namespace.address == "auto"


def test_a_data_set_of_your_own_is_read_from_the_same_path_on_every_node() -> None:
    path = resolved("ray-data").dataset.path
    assert path is not None
    for name in ("head", "gpu"):
        pod = templates("ray-data")[name]["spec"]
        (container,) = pod["containers"]
        (mount,) = [m for m in container["volumeMounts"] if m["mountPath"] == str(path.parent)]
        (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
        assert mount["readOnly"] is True, f"{name}: the run could change what it is asked"
        assert volume["persistentVolumeClaim"]["claimName"] == "sut-results"
    assert templates("ray-data")["gpu"]["spec"]["volumes"][-1]["persistentVolumeClaim"]["readOnly"]


def test_the_plain_ray_overlay_needs_no_claim_that_several_nodes_can_mount() -> None:
    assert resolved("ray").dataset.source == "sample"
    claims = {
        name: [v["name"] for v in template["spec"]["volumes"] if "persistentVolumeClaim" in v]
        for name, template in templates("ray").items()
    }
    assert claims == {"submitter": [], "head": ["results"], "gpu": []}


# -- the image ------------------------------------------------------------------------------------


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_all_overlays_take_one_image_apart_from_its_platform(overlay: str) -> None:
    images = {c["image"] for t in templates(overlay).values() for c in containers(t["spec"])}
    platform = RUNS.get(overlay, "cpu")
    assert images == {f"registry.example.com/sut-mlperf:{PROJECT['version']}-{platform}"}


# -- published schemas ----------------------------------------------------------------------------


def pods_as_objects(overlay: str) -> list[Manifest]:
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": template["spec"]}
        for name, template in templates(overlay).items()
    ]


@pytest.mark.parametrize("version", KUBERNETES_VERSIONS)
def test_manifests_follow_kubernetes_schema(version: str) -> None:
    published = pytest.importorskip("kubernetes_validate")
    checked = []
    for name, manifests in RENDERED.items():
        builtin = [manifest for manifest in manifests if manifest["kind"] != "RayJob"]
        for manifest in [*builtin, *(pods_as_objects(name) if name != "results" else [])]:
            assert published.validate(manifest, version, strict=True) == version
            checked.append(manifest["kind"])
    assert {"Job", "Pod", "ConfigMap", "PersistentVolumeClaim"} == set(checked)
    broken = copy.deepcopy(pick("cpu", "Job"))
    broken["spec"]["template"]["spec"]["containers"][0]["imagePullPolice"] = "Always"
    with pytest.raises(published.ValidationError):
        published.validate(broken, version, strict=True)
