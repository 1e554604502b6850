from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.result.build import build
from sut.result.schema import RunResult
from tests.unit.result.sessions import (
    dump,
    edit,
    make_accuracy,
    make_round,
    make_session,
)
from tests.unit.rules.breakages import FOLDERS, whole

GONE = "the file cannot be read: No such file or directory"


def accuracy_run(root: Path) -> RunResult:
    return build(root, make_round()).accuracy_runs[Scenario.OFFLINE]


def failed(run: RunResult) -> list[str]:
    return [each.name for each in run.checks if not each.passed]


def evaluated(tmp_path: Path, **changes: Any) -> RunResult:
    root = make_session(tmp_path, "accuracy")
    folder = root / "Offline" / "accuracy"
    dump(folder / "accuracy.json", make_accuracy(folder, **changes))
    return accuracy_run(root)


def metric(value: float | None, target: float | None, upper: float | None) -> dict[str, Any]:
    return {
        "name": "GEN_LEN",
        "value": value,
        "target": target,
        "upper_limit": upper,
        "passed": None,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"log_sha256": "0" * 64}, ["accuracy log evaluated"]),
        ({"gen_num": 47}, ["answers evaluated"]),
        ({"problems": ["9 of 48 answers loop"]}, ["signs of a broken engine"]),
        ({"metrics": [metric(90.0, 90.0, 110.0)]}, []),
        ({"metrics": [metric(89.9, 90.0, None)]}, ["GEN_LEN"]),
        ({"metrics": [metric(110.1, 90.0, 110.0)]}, ["GEN_LEN"]),
        ({"metrics": [metric(None, 90.0, None)]}, ["GEN_LEN"]),
    ],
)
def test_what_an_evaluation_must_show(
    tmp_path: Path, changes: dict[str, Any], expected: list[str]
) -> None:
    assert failed(evaluated(tmp_path, **changes)) == expected


def test_an_accuracy_run_without_its_evaluation_is_not_valid(tmp_path: Path) -> None:
    root = make_session(tmp_path, "accuracy")
    (root / "Offline" / "accuracy" / "accuracy.json").unlink()
    run = accuracy_run(root)
    assert failed(run) == [f"accuracy evaluation (accuracy.json: {GONE})"]
    assert run.evaluation is None


def test_an_evaluation_stands_beside_the_performance_run_of_its_scenario(
    tmp_path: Path,
) -> None:
    root = make_session(tmp_path, "offline", "accuracy")
    result = build(root, make_round())
    evaluation = result.scenarios[Scenario.OFFLINE].evaluation
    assert evaluation is not None
    assert (evaluation.metrics["ROUGE1"], evaluation.gen_num, evaluation.passed) == (30.0, 48, None)


def test_random_weights_are_not_alarming(tmp_path: Path) -> None:
    root = make_session(tmp_path, "accuracy", engine={"vllm": {"load_format": "dummy"}})
    folder = root / "Offline" / "accuracy"
    dump(folder / "accuracy.json", make_accuracy(folder, problems=["all loop"]))
    assert failed(accuracy_run(root)) == []


@pytest.mark.parametrize("engine", [{"kind": "null"}, {"vllm": {"load_format": "dummy"}}, {}])
def test_a_smoke_test_is_failed_by_alarms_whatever_engine_answered(
    tmp_path: Path, engine: dict[str, Any]
) -> None:
    """The configuration beside the logs says so, so `report` says the same a year later."""
    root = make_session(tmp_path, "accuracy", engine=engine, validity={"alarms_fail": True})
    folder = root / "Offline" / "accuracy"
    assert failed(accuracy_run(root)) == []
    dump(folder / "accuracy.json", make_accuracy(folder, problems=["all loop"]))
    assert failed(accuracy_run(root)) == ["signs of a broken engine"]


def compliance_session(tmp_path: Path, verification: dict[str, Any] | None) -> RunResult:
    """Only our side of it is looked at: the recording is a Server run's."""
    root = whole(tmp_path, "compliance")
    path = root / FOLDERS["compliance"] / "verification.json"
    if verification is None:
        path.unlink()
    else:
        edit(path, **verification)
    result = build(root, make_round())
    assert not result.scenarios
    assert result.reasons == [
        f"Server TEST06 run: {why}"
        for why in result.compliance_runs[Scenario.SERVER]["TEST06"].reasons
    ]
    return result.compliance_runs[Scenario.SERVER]["TEST06"]


def test_a_compliance_run_is_not_held_to_duration_and_latency(tmp_path: Path) -> None:
    good = {
        "name": "TEST06 one end", "measured": 0, "limit": 0, "comparison": "==", "unit": None,
        "source": "x", "passed": True,
    }  # fmt: skip
    run = compliance_session(tmp_path, {"test": "TEST06", "checks": [good], "passed": True})
    names = {each.name for each in run.checks}
    assert "LoadGen's verdict" not in names
    assert "duration" not in names
    assert failed(run) == []


def test_a_verdict_without_a_condition_is_none(tmp_path: Path) -> None:
    run = compliance_session(tmp_path, {"test": "TEST06", "checks": [], "passed": True})
    assert failed(run) == ["TEST06 conditions judged"]


def test_a_failed_check_of_the_test_fails_the_run(tmp_path: Path) -> None:
    broken = {
        "name": "TEST06 one end", "measured": 2, "limit": 0, "comparison": "==", "unit": None,
        "source": "x", "passed": False,
    }  # fmt: skip
    run = compliance_session(tmp_path, {"test": "TEST06", "checks": [broken], "passed": False})
    assert failed(run) == ["TEST06 passed", "TEST06 one end"]


def test_a_compliance_run_that_was_not_verified_is_not_valid(tmp_path: Path) -> None:
    (only,) = failed(compliance_session(tmp_path, None))
    assert only == f"TEST06 verification (verification.json: {GONE})"
