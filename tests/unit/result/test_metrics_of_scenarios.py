"""Which figures of LoadGen and which stamps of the ledger a scenario's formulas take."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from sut import metrics
from sut.logs.figures import Figures, Quantiles
from sut.metrics import NOT_MEASURED, Rate
from tests.unit.result.ledgers import ledger

# Each figure another, so that no formula can take its neighbour's.
FIGURES = Figures(
    samples_per_second=2.0,
    tokens_per_second=3.0,
    completed_samples_per_second=5.0,
    completed_tokens_per_second=7.0,
    scheduled_samples_per_second=11.0,
    samples_per_second_with_overhead=13.0,
    samples_per_second_without_overhead=17.0,
    tokens_per_second_with_overhead=19.0,
    tokens_per_second_without_overhead=23.0,
    latency=Quantiles(max_ns=4_000_000_000),
)
THREE = ledger(
    (10, 15, 40, 6, "succeeded"),
    (20, 25, 110, 1, "succeeded"),
    (30, None, 70, 3, "succeeded"),
)


@pytest.mark.parametrize(
    ("scenario", "samples", "tokens", "n_minus_1"),
    [
        ("Offline", 2.0, 3.0, False),
        ("Server", 5.0, 7.0, True),
        ("Interactive", 5.0, 7.0, True),
        ("SingleStream", 17.0, 23.0, False),
    ],
)
def test_the_official_rates(scenario: str, samples: float, tokens: float, n_minus_1: bool) -> None:
    rates = metrics.loadgen_rates(scenario, FIGURES)
    assert (rates.samples, rates.tokens) == (Rate(samples, "loadgen"), Rate(tokens, "loadgen"))
    assert rates.n_minus_1 is n_minus_1


@pytest.mark.parametrize(
    ("scenario", "span_s", "judged_s"),
    [
        ("Offline", 4.0, 4.0),
        ("Server", 9 / 5, 9 / 11),
        ("Interactive", 9 / 5, 9 / 11),
        ("SingleStream", 10 / 17, 9 / 13),
    ],
)
def test_the_times_of_ten_samples(scenario: str, span_s: float, judged_s: float) -> None:
    assert metrics.loadgen_span_s(scenario, FIGURES, 10) == span_s
    assert metrics.judged_duration_s(scenario, FIGURES, 10) == judged_s


@pytest.mark.parametrize("scenario", ["Offline", "Server", "SingleStream"])
@pytest.mark.parametrize("figures", [Figures(), Figures(completed_samples_per_second=0.0)])
def test_no_figure_no_time(scenario: str, figures: Figures) -> None:
    assert metrics.loadgen_span_s(scenario, figures, 10) is None
    assert metrics.judged_duration_s(scenario, figures, 10) is None


@pytest.mark.parametrize("n", [None, 0])
def test_no_sample_no_time(n: int | None) -> None:
    assert metrics.loadgen_span_s("Server", FIGURES, n) is None
    assert metrics.judged_duration_s("Server", FIGURES, n) is None


@pytest.mark.parametrize(
    # From the first issue to the end of the longest, to the end of the last, and all latencies.
    ("scenario", "span_ns"),
    [("Offline", 100), ("Server", 60), ("SingleStream", 160)],
)
def test_the_same_times_by_the_ledger(scenario: str, span_ns: int) -> None:
    assert metrics.ledger_same_span_ns(scenario, THREE) == span_ns
    assert metrics.ledger_same_span_ns(scenario, ledger()) == 0


@pytest.mark.parametrize("scenario", ["Offline", "Server", "SingleStream"])
def test_one_query_has_its_own_time(scenario: str) -> None:
    assert metrics.ledger_same_span_ns(scenario, ledger((10, 15, 40, 6, "succeeded"))) == 30


def test_a_query_that_never_ended_has_no_time_in_the_ledger() -> None:
    assert metrics.ledger_same_span_ns("Server", ledger((0, None, None, None, "failed"))) == 0


def test_times_between_first_token_and_end() -> None:
    assert metrics.answering_ns(THREE).tolist() == [25, 85]
    assert metrics.tpot_ns(THREE).tolist() == [5]


def test_loadgen_divides_by_what_follows_the_first_token() -> None:
    assert metrics.steps(np.array([1, 2, 3])).tolist() == [-1, 1, 2]


def test_tokens_of_a_failed_sample_do_not_count() -> None:
    rows = ledger((0, 1, 2, 5, "failed"), (0, 1, 2, 3, "succeeded"), (0, 1, 2, 2, "empty"))
    assert metrics.counted_tokens(rows) == 5
    assert metrics.counted_tokens(ledger()) == 0


def test_loadgens_own_distribution_is_passed_on() -> None:
    values = {each.name: place for place, each in enumerate(fields(Quantiles), 1)}
    made = metrics.loadgen_distribution(Quantiles(**values), 5)
    assert made is not None
    assert made.model_dump() == {"source": "loadgen", "count": 5, **values}


def test_the_ledgers_distribution_has_every_percentile() -> None:
    made = metrics.distribution_of(np.arange(2000, dtype=np.int64))
    assert made is not None
    found = made.model_dump(include={name for name in type(made).model_fields if name[0] == "p"})
    assert found == {
        "p50_ns": 1000, "p90_ns": 1800, "p95_ns": 1900, "p97_ns": 1940, "p99_ns": 1980,
        "p99_9_ns": 1998,
    }  # fmt: skip
    assert made.mean_ns == 999


def test_two_samples_are_enough_for_a_rate() -> None:
    assert metrics.all_n(1.0, 2) == 2.0


@pytest.mark.parametrize(("done", "span_s"), [(10, None), (11, 1e-9), (9, None)])
def test_a_span_is_longer_than_nothing(done: int, span_s: float | None) -> None:
    rows = ledger((10, None, done, 1, "succeeded"))
    assert metrics.ledger_span_s(rows) == span_s
    assert (metrics.ledger_rates(rows).samples == NOT_MEASURED) is (span_s is None)


def test_rates_need_an_answer_and_its_tokens() -> None:
    failed = metrics.ledger_rates(ledger((0, None, 10, None, "failed")))
    assert (failed.samples, failed.tokens) == (NOT_MEASURED, NOT_MEASURED)
    assert failed.n_minus_1 is False
    untold = metrics.ledger_rates(ledger((0, None, 10**9, None, "succeeded")))
    assert (untold.samples, untold.tokens) == (Rate(1.0, "ledger"), NOT_MEASURED)
    assert untold.n_minus_1 is False
