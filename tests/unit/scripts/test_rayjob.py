"""The RayJob held to the fields of KubeRay's API reference, as kuberay.py has them.

No package ships KubeRay's own definition. Where SUT_SCHEMAS names a folder with its
ray.io_rayjobs.yaml, the RayJob is held to that too, and so is kuberay.py.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from tests.unit.scripts.kuberay import RAYJOB
from tests.unit.scripts.kustomize import Manifest, render

OVERLAYS = Path(__file__).resolve().parents[3] / "scripts" / "kubernetes" / "overlays"
ON_RAY = ("ray", "ray-data")


def rayjob(overlay: str) -> Manifest:
    """The RayJob that an overlay holds."""
    (found,) = [each for each in render(OVERLAYS / overlay) if each["kind"] == "RayJob"]
    return found


@pytest.mark.parametrize("overlay", ON_RAY)
def test_the_rayjob_has_the_fields_of_kuberays_reference(overlay: str) -> None:
    validator = jsonschema.Draft202012Validator(RAYJOB)
    job = rayjob(overlay)
    assert [error.message for error in validator.iter_errors(job)] == []


def misspelt(job: Manifest) -> None:
    job["spec"]["preRuningDeadlineSeconds"] = 60


def unquoted(job: Manifest) -> None:
    job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0


def quoted(job: Manifest) -> None:
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replicas"] = "2"


def unknown_mode(job: Manifest) -> None:
    job["spec"]["rayClusterSpec"]["authOptions"]["mode"] = "tokens"


def too_high(job: Manifest) -> None:
    job["spec"]["rayVersion"] = job["spec"]["rayClusterSpec"]["rayVersion"]


@pytest.mark.parametrize("mistake", [misspelt, unquoted, quoted, unknown_mode, too_high])
def test_a_rayjob_that_kuberay_would_refuse_is_refused(mistake: Callable[[Manifest], None]) -> None:
    job = copy.deepcopy(rayjob("ray"))
    mistake(job)
    assert list(jsonschema.Draft202012Validator(RAYJOB).iter_errors(job))


def closed(schema: Any) -> Any:
    """A CRD's schema in which a field it does not list is an error, as `kubectl apply` has it."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    result = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "type" in schema:
        result.setdefault(
            "additionalProperties", bool(schema.get("x-kubernetes-preserve-unknown-fields"))
        )
    return result


@pytest.fixture(scope="module")
def kuberays_own() -> Any:
    """The schema of a RayJob in KubeRay's own definition, closed."""
    folder = os.environ.get("SUT_SCHEMAS")
    if not folder:
        pytest.skip("SUT_SCHEMAS names no folder with KubeRay's ray.io_rayjobs.yaml")
    definition = yaml.safe_load((Path(folder) / "ray.io_rayjobs.yaml").read_text("utf-8"))
    group, version = rayjob("ray")["apiVersion"].split("/")
    assert definition["spec"]["group"] == group
    (served,) = [v for v in definition["spec"]["versions"] if v["name"] == version]
    schema = closed(served["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


@pytest.mark.parametrize("overlay", ON_RAY)
def test_the_rayjob_follows_kuberays_own_definition(kuberays_own: Any, overlay: str) -> None:
    job = rayjob(overlay)
    validator = jsonschema.Draft202012Validator(kuberays_own)
    assert [error.message for error in validator.iter_errors(job)] == []
    broken = copy.deepcopy(job)
    broken["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]["restartPolice"] = "Never"
    assert list(validator.iter_errors(broken))


def test_the_reference_as_we_have_it_is_kuberays_own_in_part(kuberays_own: Any) -> None:
    compared = differences(RAYJOB, kuberays_own, "RayJob")
    assert list(compared) == []


def differences(ours: Any, theirs: Any, place: str) -> Iterator[str]:
    """Where a field of ours is none of theirs, or has another type or another choice."""
    if ours["type"] != theirs.get("type"):
        yield f"{place}: {ours['type']}, not {theirs.get('type')}"
    if not set(ours.get("enum", ())) <= set(theirs.get("enum", ours.get("enum", ()))):
        yield f"{place}: {ours['enum']}, not {theirs['enum']}"
    for name, field in ours.get("properties", {}).items():
        if name not in theirs.get("properties", {}):
            yield f"{place}: no {name}"
        else:
            yield from differences(field, theirs["properties"][name], f"{place}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(ours.get(key), dict):
            yield from differences(ours[key], theirs[key], f"{place}.{key}")
