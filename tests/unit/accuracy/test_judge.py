from __future__ import annotations

import pytest

from sut.accuracy.judge import Yardstick, judge, relative_yardstick, round_yardstick, verdict
from sut.accuracy.scores import Scores
from sut.config.rounds import load_round

PASSING: dict[str, float | None] = {
    "ROUGE1": 38.3915,
    "ROUGE2": 15.7485,
    "ROUGEL": 24.2508,
    "ROUGELSUM": 35.4351,
}


def scores(gen_len: int | None = 8167644, **rouge: float | None) -> Scores:
    return Scores(PASSING | rouge | {"GEN_LEN": gen_len}, gen_len, 13368, 90.0)


RULES = load_round("v6.1").benchmark("llama3.1-8b")


def official() -> Yardstick:
    return round_yardstick("v6.1", "llama3.1-8b", RULES)


def judged(what: Scores) -> dict[str, bool | None]:
    return {metric.name: metric.passed for metric in judge(what, official())}


def test_the_figures_just_above_the_targets_pass() -> None:
    metrics = judge(scores(), official())
    assert {metric.passed for metric in metrics} == {True}
    assert verdict(metrics, official()) == (True, True)


@pytest.mark.parametrize(
    ("metric", "value", "passed"),
    [
        ("ROUGE1", 38.3914, False),  # the target is 38.391408
        ("ROUGE1", 38.3915, True),
        ("ROUGE2", 15.7484, False),
        ("ROUGEL", 24.2507, False),
        ("ROUGELSUM", 35.435, False),
    ],
)
def test_the_printed_figure_decides(metric: str, value: float, passed: bool) -> None:
    found = judge(scores(8167644, **{metric: value}), official())
    assert {m.name: m.passed for m in found}[metric] is passed
    assert verdict(found, official()) == (True, passed)


@pytest.mark.parametrize(
    ("gen_len", "passed"),
    [(7350879, False), (7350880, True), (8984408, True), (8984409, False)],
)
def test_the_length_has_two_bounds(gen_len: int, passed: bool) -> None:
    assert judged(scores(gen_len))["GEN_LEN"] is passed


def test_what_was_not_measured_is_neither_passed_nor_failed() -> None:
    metrics = judge(scores(ROUGELSUM=None), official())
    assert {m.name: m.passed for m in metrics}["ROUGELSUM"] is None
    assert verdict(metrics, official()) == (False, None)


def test_a_failure_decides_even_where_something_was_not_measured() -> None:
    metrics = judge(scores(ROUGELSUM=None, ROUGE1=10.0), official())
    assert verdict(metrics, official()) == (False, False)


def test_without_targets_there_is_no_verdict() -> None:
    metrics = judge(scores(), None)
    assert {(m.target, m.upper_limit, m.passed) for m in metrics} == {(None, None, None)}
    assert verdict(metrics, None) == (True, None)


def test_a_reference_asks_for_99_percent_and_a_tenth_of_length() -> None:
    values = {"ROUGE1": 40.0, "ROUGELSUM": None, "GEN_LEN": 1000}
    found = relative_yardstick("ours", Scores(values, 1000, 4, 9.0), RULES)
    assert found.least == {"ROUGE1": pytest.approx(39.6), "GEN_LEN": 900}
    assert found.most == {"GEN_LEN": pytest.approx(1100)}


def test_a_reference_without_a_length_asks_for_none() -> None:
    found = relative_yardstick("ours", Scores({"ROUGE1": 40.0}, None, 4, 9.0), RULES)
    assert (set(found.least), found.most) == ({"ROUGE1"}, {})


def test_a_metric_of_another_benchmark_is_judged_by_its_printed_decimal() -> None:
    yardstick = Yardstick("llama2", {"TOKENS_PER_SAMPLE": 265.005}, {"TOKENS_PER_SAMPLE": 323.895})
    by_name = {m.name: m for m in judge(Scores({}, 1, 1, 265.04), yardstick)}
    assert by_name["TOKENS_PER_SAMPLE"].value == 265.0
    assert by_name["TOKENS_PER_SAMPLE"].passed is False
