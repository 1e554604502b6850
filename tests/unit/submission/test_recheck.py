"""The answers are scored again from LoadGen's log; no file written afterwards is believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import sut.result.evaluated as evaluated
from sut.accuracy.evaluate import Sources, evaluate, evaluate_run
from sut.accuracy.text import official_text
from sut.config.rounds import load_round
from sut.record.facts import AccuracyFacts
from sut.submission.gather import Run, load_session
from sut.submission.recheck import evaluation_problems
from tests.unit.accuracy.answered import (
    SUMMARIES,
    encoded,
    make_answered,
    make_dataset,
    write_evaluation,
    write_log,
)
from tests.unit.result.sessions import dump, edit


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """An accuracy run whose answers are half right, evaluated."""
    monkeypatch.setattr(evaluated, "evaluate", evaluate)
    texts = [*SUMMARIES[:2], "Nothing of the kind.", "A bee."]
    root, folder = make_answered(tmp_path, texts)
    write_evaluation(folder, root)
    (found,) = load_session(root, load_round("v6.1"))[1]
    return found


def problems(run: Run, sources: Sources | None = None) -> list[str]:
    (again,) = load_session(run.session.root, load_round("v6.1"), sources)[1]
    return list(evaluation_problems(again))


def edit_scores(folder: Path, **scores: float) -> None:
    """Both files say other scores, and agree with each other."""
    document = json.loads((folder / "accuracy.json").read_text(encoding="utf-8"))
    for metric in document["metrics"]:
        metric["value"] = scores.get(metric["name"], metric["value"])
    dump(folder / "accuracy.json", document)
    text = official_text(AccuracyFacts.model_validate(document))
    (folder / "accuracy.txt").write_text(text, encoding="utf-8")


def test_what_the_log_says_is_let_in(run: Run) -> None:
    assert problems(run) == []


def test_scores_edited_in_both_files_are_named_with_the_true_ones(run: Run) -> None:
    true = {
        each.name: each.value for each in evaluate_run(run.folder.root, run.session.root).metrics
    }
    edit_scores(run.folder.root, ROUGE1=99.0, ROUGE2=99.0)
    first, second = problems(run)
    assert f"ROUGE1 is 99.0 there and {true['ROUGE1']} by the log" in first
    assert f"ROUGE2 is 99.0 there and {true['ROUGE2']} by the log" in first
    assert "accuracy.txt does not say what its log does" in second
    assert "--replace" in first


EDITS: dict[str, Callable[[Path], None]] = {
    "gen_num is 3": lambda folder: edit(folder / "accuracy.json", gen_num=3),
    "characters is 8167644": lambda folder: edit(folder / "accuracy.json", characters=8167644),
    "success_rate is 0.5": lambda folder: edit(folder / "accuracy.json", success_rate=0.5),
    "looping_share is 0.4": lambda folder: edit(folder / "accuracy.json", looping_share=0.4),
    "problems is all loop": lambda folder: edit(folder / "accuracy.json", problems=["all loop"]),
    "ROUGE1 is not measured": lambda folder: edit(folder / "accuracy.json", metrics=[]),
}


@pytest.mark.parametrize("said", EDITS)
def test_every_figure_is_the_logs(run: Run, said: str) -> None:
    EDITS[said](run.folder.root)
    (problem,) = problems(run)
    assert f"{said} there and " in problem


def test_another_log_under_the_same_scores_is_found(run: Run) -> None:
    model = Path(run.session.config.model.path)
    write_log(run.folder.root, [encoded(model, "No.") for _ in SUMMARIES])
    assert any("by the log" in each for each in problems(run))


def test_a_data_set_that_is_gone_is_no_reason_to_believe(run: Run, tmp_path: Path) -> None:
    assert run.session.config.dataset.path is not None
    moved = run.session.config.dataset.path.rename(tmp_path / "elsewhere.json")
    (problem,) = problems(run)
    assert "cannot be scored again" in problem
    assert "--dataset" in problem
    assert problems(run, Sources(dataset=moved)) == []


def test_another_data_set_does_not_score_it(run: Run, tmp_path: Path) -> None:
    other = make_dataset(tmp_path / "other.json", ["Something else."] * len(SUMMARIES))
    (problem,) = problems(run, Sources(dataset=other))
    assert "SHA-256" in problem


def test_a_malformed_accuracy_json_is_named(run: Run) -> None:
    (run.folder.root / "accuracy.json").write_text("{", encoding="utf-8")
    (problem,) = problems(run)
    assert "accuracy.json: the file is not JSON" in problem
