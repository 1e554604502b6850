"""scripts/container: what the image is made of and runs as. No image is built here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "scripts" / "container"
CONTAINERFILE = (FOLDER / "Containerfile").read_text("utf-8")
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]
JOB = (ROOT / "scripts" / "kubernetes" / "base" / "job.yaml").read_text("utf-8")


def instructions(name: str) -> list[str]:
    """Arguments of every instruction of one name, continued lines joined."""
    joined = CONTAINERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name} +(.+)$", joined, re.MULTILINE)


def test_the_image_runs_the_harness_as_the_pods_user() -> None:
    (user,) = re.findall(r"runAsUser: (\d+)", JOB)
    assert instructions("USER") == [f"{user}:{user}"]
    assert f"--uid {user} " in CONTAINERFILE
    assert "HOME=/cache" in CONTAINERFILE
    assert instructions("ENTRYPOINT") == ['["python", "-m", "sut.main"]']
    assert instructions("HEALTHCHECK") == ["NONE"]


def test_the_image_is_built_from_one_pinnable_base_and_known_packages() -> None:
    assert [line.split()[0] for line in instructions("FROM")] == ["${BASE_IMAGE}"] * 2
    (base,) = [value for value in instructions("ARG") if value.startswith("BASE_IMAGE=")]
    assert re.fullmatch(r"BASE_IMAGE=docker\.io/library/python:3\.11-\S+", base)
    installs = re.findall(r"pip install [^&]*", CONTAINERFILE.replace("\\\n", " "))
    assert installs
    assert all("--no-cache-dir" in install for install in installs)
    assert all("-c constraints.txt" in i or "--no-deps" in i for i in installs)
    extras = re.findall(r"\.\[\$PLATFORM,([a-z,]+)\]", CONTAINERFILE)
    assert extras
    assert {"cpu", "cuda", *extras[0].split(",")} <= set(EXTRAS)


def test_nothing_enters_the_image_that_is_not_named() -> None:
    sources = [
        word for line in instructions("COPY") if "--from" not in line for word in line.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert not source.startswith("."), "a whole checkout may hold a token"
    ignored = (FOLDER / "Containerfile.dockerignore").read_text("utf-8").split("\n")
    for source in sources:
        assert f"!{source.split('/')[0]}" in ignored
    assert "HF_TOKEN" not in "".join(
        [*instructions("ARG"), *instructions("ENV"), *instructions("RUN")]
    )


def test_ray_in_the_image_is_set_as_in_a_cluster_of_our_own() -> None:
    own = pytest.importorskip("sut.engines.ray.connection").OWN_CLUSTER
    (environment,) = [line for line in instructions("ENV") if "RAY_" in line]
    for name in (
        "RAY_USAGE_STATS_ENABLED",
        "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper",
        "RAY_worker_niceness",
    ):
        assert f"{name}={own[name]}" in environment.split()


def test_each_round_s_loadgen_is_found_as_the_image_finds_it() -> None:
    (pattern,) = re.findall(r"sed -n 's/(.+)/\\1/p'", CONTAINERFILE)
    # The same expression in Python's spelling.
    expression = pattern.replace("\\{0,1\\}", "?").replace("\\(", "(").replace("\\)", ")")
    for path in (ROOT / "user_confs" / "rounds").glob("*.yaml"):
        (version,) = re.findall(expression, path.read_text("utf-8"), re.MULTILINE)
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), path
