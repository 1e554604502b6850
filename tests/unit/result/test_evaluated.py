"""No file that was written of an evaluation is believed: the log is scored again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.accuracy.evaluate import evaluate
from sut.config.names import Scenario
from sut.result import evaluated
from sut.result.build import build
from sut.result.schema import RunResult
from tests.unit.accuracy.answered import SUMMARIES, make_answered, write_evaluation

EDITED = "figures written otherwise than the logs say"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session whose answers are half right, evaluated; scored for real when it is built."""
    monkeypatch.setattr(evaluated, "evaluate", evaluate)
    root, folder = make_answered(tmp_path, [*SUMMARIES[:2], "Nothing of the kind.", "A bee."])
    write_evaluation(folder, root)
    return root


def run_of(root: Path) -> RunResult:
    return build(root).accuracy_runs[Scenario.OFFLINE]


def reasons(root: Path) -> list[str]:
    return [each.name for each in run_of(root).checks if not each.passed and "evalua" in each.rule]


def scores_of(root: Path) -> dict[str, float | None]:
    found = run_of(root).evaluation
    assert found is not None
    return dict(found.metrics)


def test_scores_edited_in_accuracy_json_change_no_figure_and_are_named(root: Path) -> None:
    true, path = scores_of(root), root / "Offline" / "accuracy" / "accuracy.json"
    assert reasons(root) == []
    document = json.loads(path.read_text(encoding="utf-8"))
    document["metrics"] = [each | {"value": 99.0} for each in document["metrics"]]
    path.write_text(json.dumps(document), encoding="utf-8")
    assert scores_of(root) == true
    assert reasons(root) == [EDITED]


def test_where_the_answers_cannot_be_scored_there_is_no_verdict_and_it_says_why(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = next(root.parent.glob("*.json"), None)
    assert dataset is not None
    dataset.unlink()
    (why,) = reasons(root)
    assert why.startswith("accuracy evaluation (")
    assert str(dataset.name) in why
