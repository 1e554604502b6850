"""How long answers are by LoadGen's rates, and how long they took by its times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.logs.figures import Quantiles
from sut.logs.run_logs import read_logs
from sut.rules.case import LogCase
from sut.rules.check import Check
from sut.rules.demands import Demands
from sut.rules.log_figures import answer_length
from tests.unit.result.sessions import RECORDED

LOGS = read_logs(RECORDED / "offline")
DEMANDS = Demands(origin="x", round_name="x", seeds={}, releases=None, max_tokens=9)


def judged(scenario: Scenario, demands: Demands = DEMANDS, **figures: Any) -> list[Check]:
    """Of 192 samples; the first is on the length, the second on the time."""
    logs = replace(LOGS, figures=replace(LOGS.figures, **figures))
    assert logs.sample_count == 192
    return answer_length.checks(LogCase(logs, scenario, "performance", demands))


def offline(tokens: float | None) -> Check:
    (found,) = judged(Scenario.OFFLINE, samples_per_second=2.0, tokens_per_second=tokens)
    return found


# One more than is allowed: the end of an answer is not always counted.
@pytest.mark.parametrize(
    ("tokens", "length", "passed"),
    [(2.0, 1.0, True), (1.9, 0.95, False), (20.0, 10.0, True), (20.1, 10.05, False),
     (None, None, False)],
)  # fmt: skip
def test_an_answer_has_a_token_and_no_more_than_are_allowed(
    tokens: float | None, length: float | None, passed: bool
) -> None:
    found = offline(tokens)
    assert (found.measured, found.limit, found.passed) == (length, 10, passed)


def test_without_a_bound_no_length_is_right() -> None:
    unbound = replace(DEMANDS, max_tokens=None)
    rates = {"samples_per_second": 2.0, "tokens_per_second": 8.0}
    (found,) = judged(Scenario.OFFLINE, unbound, **rates)
    assert (found.limit, found.passed) == (None, False)


@pytest.mark.parametrize(
    ("scenario", "which"),
    [
        (Scenario.SERVER, "completed_{}_per_second"),
        (Scenario.INTERACTIVE, "completed_{}_per_second"),
        (Scenario.SINGLE_STREAM, "{}_per_second_with_overhead"),
    ],
)
def test_but_for_offline_one_sample_is_not_counted(scenario: Scenario, which: str) -> None:
    rates: dict[str, Any] = {which.format("samples"): 2.0, which.format("tokens"): 8.0}
    assert judged(scenario, **rates)[0].measured == 4.0 * 191 / 192


def server(latency: int | None, first: int | None, step: int | None) -> list[Check]:
    latencies, firsts, steps = (Quantiles(mean_ns=each) for each in (latency, first, step))
    return judged(Scenario.SERVER, latency=latencies, ttft=firsts, tpot=steps)[1:]


MS = 1_000_000


# 9 tokens and the end take 9 steps of 10 ms at most, and an answer of two takes one at least.
@pytest.mark.parametrize(
    ("latency", "passed"),
    [(110 * MS, True), (90 * MS, True), (112 * MS, False), (30 * MS, True), (29 * MS, False)],
)
def test_tokens_take_their_time(latency: int, passed: bool) -> None:
    (found,) = server(latency, 20 * MS, 10 * MS)
    assert found.passed is passed
    assert found.measured == (latency - 20 * MS) / 1e9


@pytest.mark.parametrize(
    ("latency", "first", "step", "verdicts"),
    [
        (None, 20 * MS, 10 * MS, []),
        (90 * MS, None, 10 * MS, []),
        (90 * MS, 20 * MS, None, [None]),
    ],
)
def test_a_time_that_is_missing(
    latency: int | None, first: int | None, step: int | None, verdicts: list[None]
) -> None:
    found = server(latency, first, step)
    assert [each.measured for each in found] == verdicts
    assert not any(each.passed for each in found)
