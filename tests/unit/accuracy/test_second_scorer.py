"""A family with another scorer is YAML: from recorded answers to result, report and tree."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from sut.accuracy.evaluate import evaluate_run, read_facts, write_files
from sut.accuracy.foreign import evaluate_log
from sut.accuracy.text import table
from sut.config.names import Scenario
from sut.config.rounds import Round, load_round
from sut.config.schema import GenerationConfig, ModelConfig
from sut.errors import ConfigError
from sut.report.summary import summary_text
from sut.result.build import build
from sut.rules.check import Check
from sut.submission.accuracy_files import evaluation
from sut.submission.findings import Finding
from sut.submission.walk import entries
from tests.conftest import ROOT
from tests.unit.accuracy.answered import EOS, make_answered
from tests.unit.result.sessions import dump, make_session

FAMILY = ROOT / "tests" / "data" / "second_family"
RESULTS = ("72", "10", "5", "8")
THREE_OF_FOUR = ("72", " 10", "5", "9")
TWO_OF_FOUR = ("72", "11", "5", "9")

DIGEST = "0123456789abcdef" * 4


@pytest.fixture
def family(conf_root: Path) -> Round:
    shutil.copytree(FAMILY, conf_root, dirs_exist_ok=True)
    return load_round("v7.0")


def answered(parent: Path, texts: tuple[str, ...], **model: Any) -> tuple[Path, Path]:
    """A session of the family whose accuracy run has these answers."""
    known: dict[str, Any] = {
        "name": "sums-1b", "path": "x", "benchmark": "sums", "prompt_format": "sums",
        "official": True, "context_tokens": 2048, "vocab_size": 300, "eos_token_ids": (EOS,),
    }  # fmt: skip
    return make_answered(
        parent,
        texts,
        RESULTS,
        round="v7.0",
        model=ModelConfig(**(known | model)),
        generation=GenerationConfig(max_tokens=8),
    )


@pytest.mark.parametrize(
    ("texts", "percent", "passed"), [(THREE_OF_FOUR, 75.0, True), (TWO_OF_FOUR, 50.0, False)]
)
def test_recorded_answers_are_scored_and_judged_by_the_familys_own(
    tmp_path: Path, family: Round, texts: tuple[str, ...], percent: float, passed: bool
) -> None:
    root, run = answered(tmp_path, texts)
    facts = evaluate_run(run, root)
    assert (facts.scorer, facts.tool, facts.judged_against) == (
        "exact_match",
        None,
        "round v7.0, sums",
    )
    (metric,) = facts.metrics
    assert (metric.name, metric.value, metric.target) == ("exact_match", percent, 74.25)
    assert (facts.passed, facts.problems, facts.notes) == (passed, [], [])
    assert "ROUGE" not in table(facts)


def test_the_official_line_is_the_scorers(tmp_path: Path, family: Round) -> None:
    root, run = answered(tmp_path, THREE_OF_FOUR)
    write_files(run, evaluate_run(run, root))
    assert family.submission is not None
    pattern = family.submission.accuracy_patterns["exact_match"]
    text = (run / "accuracy.txt").read_text()
    assert text == "\nResults\n\n{'exact_match': 75.0, 'gen_num': 4}\n"
    (found,) = [m.group(1) for line in text.splitlines() if (m := re.match(pattern, line))]
    assert float(found) == 75.0
    assert read_facts(run) == evaluate_run(run, root)


def test_a_log_from_elsewhere_is_known_by_its_count(tmp_path: Path, family: Round) -> None:
    _, run = answered(tmp_path, THREE_OF_FOUR)
    dataset, model = tmp_path / "news.json", tmp_path / "model"
    facts = evaluate_log(run, dataset, model, "v7.0")
    assert (facts.scorer, facts.passed) == ("exact_match", True)


def test_other_weights_need_a_reference_of_their_own(tmp_path: Path, family: Round) -> None:
    root, run = answered(tmp_path, THREE_OF_FOUR, official=False, name="own")
    assert evaluate_run(run, root).notes == ["not judged: there is no reference for model own"]


def judged(tmp_path: Path, texts: tuple[str, ...]) -> tuple[list[Check], str]:
    """What result and summary make of an evaluation, on a recorded accuracy run."""
    session, answers = answered(tmp_path, texts)
    evaluated = evaluate_run(answers, session)
    root = make_session(tmp_path / "recorded", "accuracy")
    dump(root / "Offline/accuracy/accuracy.json", evaluated.model_dump(mode="json"))
    result = build(root, load_round("v7.0"))
    run = result.accuracy_runs[Scenario.OFFLINE]
    assert run.evaluation is not None
    assert run.evaluation.scorer == "exact_match"
    return [each for each in run.checks if each.rule == "accuracy"], summary_text(result)


def test_result_and_summary_name_its_metric_and_no_other(tmp_path: Path, family: Round) -> None:
    (tmp_path / "recorded").mkdir()
    (check,), text = judged(tmp_path, TWO_OF_FOUR)
    assert (check.name, check.measured, check.limit, check.passed) == (
        "exact_match",
        50.0,
        74.25,
        False,
    )
    assert re.search(r"exact_match +: 50 \(must be >= 74\.25\)", text)
    assert "ROUGE" not in text


def findings(tree: Path, rules: Round) -> list[Finding]:
    return [found for entry in entries(tree, rules) for found in evaluation(entry)]


def test_a_tree_is_checked_by_its_metric_under_any_of_its_names(
    tmp_path: Path, family: Round
) -> None:
    for name in ("sums", "sums-of-two"):
        folder = tmp_path / name / "closed/Me/results/box" / name / "Offline/accuracy"
        folder.mkdir(parents=True)
        text = folder / "accuracy.txt"
        text.write_text(f"{{'exact_match': 75.0, 'gen_num': 4}}\nhash={DIGEST}\n")
        assert findings(tmp_path / name, family) == []
        text.write_text(f"{{'exact_match': 50.0, 'gen_num': 4}}\nhash={DIGEST}\n")
        (low,) = findings(tmp_path / name, family)
        assert low.sentence == "exact_match is 50, must be 74.25 at least."
        text.write_text(f"{{'rouge1': '50.0', 'gen_num': 4}}\nhash={DIGEST}\n")
        (missing,) = findings(tmp_path / name, family)
        assert missing.sentence == "exact_match is not printed in the form the checker reads."


def test_a_metric_that_no_pattern_reads_is_refused_with_the_round(conf_root: Path) -> None:
    shutil.copytree(FAMILY, conf_root, dirs_exist_ok=True)
    path = conf_root / "rounds" / "v7.0.yaml"
    path.write_text(path.read_text().replace("accuracy_min: {exact", "accuracy_min: {inexact"))
    with pytest.raises(ConfigError, match="sums is judged by inexact_match, which"):
        load_round("v7.0")
