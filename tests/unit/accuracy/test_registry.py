"""A scorer is a file: its name is the file's, and the rounds name no other."""

from __future__ import annotations

import re

import pytest

from sut.accuracy.registry import find_scorer, require_scorers, scorer_names
from sut.accuracy.scorer import TOKENS_PER_SAMPLE
from sut.config import rounds
from sut.config.rounds import Round, load_round
from sut.config.shipped import DEFAULT_ROUND, round_names
from sut.errors import ConfigError
from tests.conftest import ROOT
from tests.unit.config.support import loaded


def test_the_files_of_the_folder_are_the_scorers() -> None:
    files = {path.stem for path in (ROOT / "sut" / "accuracy" / "scorers").glob("*.py")}
    assert set(scorer_names()) == files - {"__init__"}
    assert {"rouge", "exact_match"} <= set(scorer_names())


@pytest.mark.parametrize("name", scorer_names())
def test_each_scores_what_it_says(name: str) -> None:
    scorer = find_scorer(name)
    metrics = [metric.name for metric in scorer.metrics]
    assert len(set(metrics)) == len(metrics)
    assert TOKENS_PER_SAMPLE.name not in metrics
    assert set(scorer.lacking) <= set(metrics)
    scored = scorer.score(["one two", "three"], ["one two", "four"])
    assert set(metrics) - set(scorer.lacking) == set(scored.values)
    assert scored.characters == len("one two") + len("three")


def test_every_metric_that_a_round_judges_is_one_of_its_scorer() -> None:
    judged = 0
    for name in round_names():
        for benchmark in load_round(name).benchmarks.values():
            known = {metric.name for metric in find_scorer(benchmark.scorer).metrics}
            bounds = (
                benchmark.accuracy_min, benchmark.accuracy_max,
                benchmark.reference_min, benchmark.reference_max,
            )  # fmt: skip
            asked = {metric for bound in bounds for metric in bound}
            assert asked <= known | {TOKENS_PER_SAMPLE.name}
            judged += len(asked)
    assert judged


def test_a_round_that_names_one_which_is_not_there_is_refused_before_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def misspelt(name: str) -> Round:
        found = rounds.load_round(name)
        each = found.benchmarks["llama3.1-8b"].model_copy(update={"scorer": "rouge2"})
        return found.model_copy(update={"benchmarks": {"llama3.1-8b": each}})

    monkeypatch.setattr("sut.accuracy.registry.load_round", misspelt)
    with pytest.raises(ConfigError) as caught:
        require_scorers(loaded("--mode", "accuracy").config)
    assert caught.value.where == "user_confs/rounds/v6.1.yaml"


@pytest.mark.parametrize("name", scorer_names())
def test_each_prints_its_figures_in_the_form_that_the_checker_reads(name: str) -> None:
    submission = load_round(DEFAULT_ROUND).submission
    assert submission is not None
    patterns = submission.accuracy_patterns
    for metric in (*find_scorer(name).metrics, TOKENS_PER_SAMPLE):
        found = re.match(patterns[metric.name], f"'{metric.key}': {metric.form.format(12.0)}")
        assert found is not None
        assert float(found.group(1)) == 12.0


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("rogue", "The nearest is rouge."), ("zzz", "Name one of them, or add its file.")],
)
def test_an_unknown_scorer_is_refused_with_the_nearest(name: str, remedy: str) -> None:
    with pytest.raises(ConfigError, match=f"there is no scorer {name}; ") as caught:
        find_scorer(name)
    assert caught.value.remedy == remedy
