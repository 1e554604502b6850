"""A compliance run through real LoadGen: the audit.config read, good answers passed, bad not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import ROOT, TIMEOUT_S, Finished, settings, user_environment

Sut = Callable[..., Finished]
pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer

QUICK = ["--engine", "null", *settings(server__target_qps=400, interactive__target_qps=400)]
LAUNCHER = Path(__file__).with_name("sabotaged_sut.py")
OFFICIAL = os.environ.get("MLCOMMONS_INFERENCE")


def verification(session: Path, scenario: str) -> dict[str, Any]:
    path = session / scenario / "TEST06" / "verification.json"
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def failures(document: dict[str, Any]) -> set[str]:
    return {each["name"] for each in document["checks"] if not each["passed"]}


def lines(session: Path, scenario: str) -> list[str]:
    text = (session / scenario / "TEST06" / "verify_accuracy.txt").read_text()
    return [line.rpartition(" ")[2] for line in text.splitlines()]


@pytest.fixture
def cheat(tmp_path: Path) -> Callable[..., Finished]:
    """Run `audit` on an engine that cheats."""

    def run(kind: str, *arguments: str) -> Finished:
        results = tmp_path / "results"
        done = subprocess.run(
            [sys.executable, str(LAUNCHER), kind, "audit", "--results-dir", str(results), *QUICK,
             *arguments],
            cwd=tmp_path,
            env=user_environment() | {"PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )  # fmt: skip
        return Finished(done.returncode, done.stdout, done.stderr, results)

    return run


@pytest.mark.parametrize("scenario", ["Offline", "Server", "Interactive"])
def test_an_honest_engine_passes_under_the_shipped_audit_config(
    cheat: Callable[..., Finished], scenario: str
):
    done = cheat("honest", "--scenario", scenario)
    assert done.code == 0, done.stdout + done.stderr
    found = verification(done.session, scenario)
    assert failures(found) == set()
    measured = {each["name"]: each["measured"] for each in found["checks"]}
    assert measured["samples logged"] == 100
    assert measured["audit.config read by LoadGen"] is True
    assert measured["answers that are not as our ledger has them"] == 0
    first = "Skipped" if scenario == "Offline" else "True"
    assert lines(done.session, scenario) == [first, "True", "True", "complete"]
    assert done.stdout.rstrip().endswith("PASSED")


ENDED = "the answer goes on after an end-of-sequence id"
STOPPED = "it stopped without an end-of-sequence id"


# `one_token` and the like never reach LoadGen: its log holds an empty answer in their place.
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        pytest.param("two_eos", ENDED, marks=pytest.mark.slow),
        ("eos_only", ENDED),
        pytest.param("eos_inside", STOPPED, marks=pytest.mark.slow),
        ("one_token", STOPPED),
        ("too_long", "the answer has 40 tokens, 32 are allowed"),
        (
            "another_first_token",
            "the answer does not begin with the first token reported for it",
        ),
        ("nothing", "the engine returned no token"),
    ],
)
def test_an_engine_that_cheats_is_found_out(cheat: Callable[..., Finished], kind: str, reason: str):
    done = cheat(kind, "--scenario", "Server")
    assert done.code == 1, done.stdout + done.stderr
    facts = json.loads((done.session / "Server" / "TEST06" / "run.json").read_text())
    assert [each["reason"] for each in facts["ledger"]["failures"]] == [reason]
    assert facts["ledger"]["failed"] == facts["ledger"]["issued"]
    wanted = {"shortest answer", "answers that do not begin with the first token reported"}
    assert failures(verification(done.session, "Server")) >= wanted
    assert lines(done.session, "Server") == ["False", "True", "False", "failed"]
    assert "Traceback" not in done.stderr


def test_json_is_one_document_with_the_run_and_its_checks(sut: Sut):
    done = sut("--scenario", "Offline", *QUICK, *settings(offline__min_duration_s=0))
    assert done.code == 0, done.stdout + done.stderr
    again = verify(done.session / "Offline" / "performance", "--scenario", "Offline", "--json")
    document = json.loads(again.stdout)
    assert again.returncode == 1
    failed = {each["name"] for each in document["runs"][0]["verification"]["checks"]
              if not each["passed"]}  # fmt: skip
    # An ordinary run logs no sample, and LoadGen says nothing of an audit.config.
    assert {"samples logged", "audit.config read by LoadGen"} <= failed


def verify(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sut.main", "audit", "--verify", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )


def test_a_run_verifies_again_from_its_folder_alone(cheat: Callable[..., Finished], tmp_path: Path):
    done = cheat("honest", "--scenario", "Server")
    run = done.session / "Server" / "TEST06"
    again = verify(run, "--out", str(tmp_path / "out"))
    assert again.returncode == 0, again.stdout + again.stderr
    made = tmp_path / "out" / "TEST06"
    assert (made / "verify_accuracy.txt").read_text() == (run / "verify_accuracy.txt").read_text()


def test_a_stray_audit_config_does_not_stand_in_for_the_tests(
    cheat: Callable[..., Finished], tmp_path: Path
):
    (tmp_path / "audit.config").write_text("*.*.min_query_count = 3\n*.*.min_duration = 0\n")
    done = cheat("honest", "--scenario", "Server")
    assert done.code == 0, done.stdout + done.stderr
    given = done.session / "Server" / "TEST06" / "audit.config"
    assert given.read_bytes() == (ROOT / "audit" / "TEST06" / "audit.config").read_bytes()


@pytest.mark.skipif(OFFICIAL is None, reason="MLCOMMONS_INFERENCE names no mlcommons/inference")
def test_the_official_files_are_used_from_where_they_are(cheat: Callable[..., Finished]):
    done = cheat("honest", "--scenario", "Server,Offline", "--official", str(OFFICIAL), "--json")
    assert done.code == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert [run["official"]["passed"] for run in document["runs"]] == [True, True]
    given = done.session / "Server" / "TEST06" / "audit.config"
    official = Path(str(OFFICIAL)) / "compliance/TEST06/audit.config"
    assert given.read_bytes() == official.read_bytes()
