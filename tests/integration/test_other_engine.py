"""An engine of another package, from the command line to the result, with real LoadGen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import Finished, settings

Sut = Callable[..., Finished]
pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer

PACED = Path(__file__).resolve().parents[1] / "data" / "paced-engine"
SHORT = settings(
    offline__min_duration_s=0,
    server__min_duration_s=1,
    server__target_qps=100,
    engine__options__at_once=16,
)
AGAINST = "the paced engine answers without a model"


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's package, on the path of every process that the test starts."""
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PACED), *([before] if before else [])]))


def report(session: Path) -> dict[str, Any]:
    """The result, built again from a session's folder."""
    command = [sys.executable, "-m", "sut.main", "report", str(session), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.usefixtures("_installed")
def test_its_result_says_what_it_is_and_why_it_is_not_submission_grade(
    sut: Sut, monkeypatch: pytest.MonkeyPatch
):
    done = sut("--engine", "paced", *SHORT)
    assert done.code == 0, done.stdout + done.stderr
    result = done.result
    assert list(result["scenarios"]) == ["Offline", "Server"]
    assert all(each["valid"] for each in result["scenarios"].values())
    assert not result["submission_grade"]
    assert AGAINST in result["not_submission_grade_because"]
    assert done.stdout.startswith("VALID: ")
    engine = result["engine"]
    assert (engine["kind"], engine["traits"]["weights"]) == ("paced", "none")
    assert engine["traits"]["max_batch_sequences"] == 16
    assert result["software"]["engine_package"] == "paced-engine 1.0"
    options = result["configuration"]["engine"]["options"]
    assert options == {"pace_ms": 1.0, "at_once": 16, "tokens": 4}
    # The session is read where the engine is not installed, and its result is the same.
    monkeypatch.delenv("PYTHONPATH")
    assert report(done.session) == result


@pytest.mark.usefixtures("_installed")
def test_the_harness_is_measured_over_it(tmp_path: Path):
    command = (
        "bench", "harness", "--engine", "paced", "--rates", "50", "--seconds", "1",
        "--offline-samples", "50", "--results-dir", str(tmp_path), "--json",
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "sut.main", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["invalid"] == []
    server, offline = document["measured"]
    assert [each["scenario"] for each in (server, offline)] == ["Server", "Offline"]
    assert offline["samples"] >= 50
    assert server["ttft_mean_ms"] >= 1.0, "an answer takes 1 ms"


def test_where_it_is_not_installed_those_that_are_stand_in_one_line(sut: Sut):
    done = sut("--engine", "paced")
    assert done.code == 2
    assert done.stderr.splitlines() == [
        "sut: --engine: engine.kind is paced, but the engines installed here are vllm, null. "
        "Install its package."
    ]


@pytest.mark.usefixtures("_installed")
def test_its_options_are_shown_with_their_source(sut: Sut):
    done = sut("--engine", "paced", "--dry-run", *SHORT)
    assert done.code == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if "engine.options." in line]
    assert rows == [
        ["engine.options.pace_ms", "1.0", "default"],
        ["engine.options.at_once", "16", "--set", "engine.options.at_once"],
        ["engine.options.tokens", "4", "default"],
    ]
