"""Trials are given up when nothing can save them, and not before."""

from __future__ import annotations

import numpy as np
import pytest

from sut.engines.base import Event, Finished, FirstToken
from sut.harness.ledger import Ledger
from sut.peak.hopeless import Hopeless
from sut.record.answer import AnswerBounds
from sut.rules.limits import Limit

MS, S = 1_000_000, 1_000_000_000
TTFT = Limit("TTFT", 95.0, 500.0, loadgens=True)
TPOT = Limit("TPOT", 95.0, 100.0, loadgens=True)
LATENCY = Limit("latency", 99.0, 900.0, loadgens=False)
QUERIES = 200
ALLOWED = TTFT.allowed(QUERIES)


def answer(seq: int) -> list[Event]:
    return [FirstToken(seq, 9), Finished(seq, np.array([9, 9, 2], np.int32).tobytes(), "stop")]


class Made:
    """A ledger that is filled query by query."""

    def __init__(self) -> None:
        self.ledger = Ledger(reports_first_token=True, bounds=AnswerBounds(8, 1, frozenset({2})))

    def ask(self, at_ms: float, first_ms: float | None, done_ms: float | None) -> None:
        seq, at = self.ledger.issued, int(at_ms * MS)
        self.ledger.issue(seq, [0], at)
        if first_ms is not None:
            self.ledger.apply(answer(seq)[:1], at + int(first_ms * MS))
        if done_ms is not None:
            self.ledger.apply(answer(seq)[1:], at + int(done_ms * MS))


def test_an_empty_ledger_is_no_reason() -> None:
    assert Hopeless([TTFT], QUERIES)(Made().ledger, 60 * S) is None


@pytest.mark.parametrize(
    ("limit", "first_ms", "done_ms"),
    [(TTFT, 501, 600), (TTFT, None, None), (TPOT, 10, 211)],
)
def test_more_than_the_run_could_bear_are_over_the_limit(
    limit: Limit, first_ms: float | None, done_ms: float | None
) -> None:
    made = Made()
    for number in range(ALLOWED):
        made.ask(number, first_ms, done_ms)
    look = Hopeless([limit], QUERIES)
    assert look(made.ledger, 2 * S) is None
    made.ask(ALLOWED, first_ms, done_ms)
    why = look(made.ledger, 2 * S)
    assert why is not None
    assert f"{ALLOWED + 1} queries are over the limit of {limit.name} already, of 200" in why


def test_our_own_limit_counts_open_queries_too() -> None:
    made = Made()
    for number in range(LATENCY.allowed(QUERIES) + 1):
        made.ask(number, 10, None)
    look = Hopeless([LATENCY], QUERIES)
    assert look(made.ledger, 800 * MS) is None
    assert "latency P99" in str(look(made.ledger, 950 * MS))


def test_a_slow_query_within_its_limit_is_none_over_it() -> None:
    made = Made()
    for number in range(50):
        made.ask(number, 499, 690)
    assert Hopeless([TTFT, TPOT, LATENCY], QUERIES)(made.ledger, S) is None


def served(share: float, seconds: int, per_s: int = 10, answer_ms: float = 100) -> Ledger:
    """Arrivals of which a share is answered, the earliest first."""
    made = Made()
    for number in range(seconds * per_s):
        done = number < share * seconds * per_s
        behind = number / share / per_s * 1000 - number / per_s * 1000 if done else 0
        took = answer_ms + behind if done else None
        made.ask(number / per_s * 1000, took, None if took is None else took + 20)
    return made.ledger


LENIENT = Limit("TTFT", 95.0, 1e6, loadgens=True)


def test_a_queue_that_grows_is_given_up_and_one_that_is_kept_short_is_not() -> None:
    look = Hopeless([LENIENT], 10_000)
    why = look(served(0.6, 40), 40 * S)
    assert why is not None
    assert "wait longer and longer" in why
    assert look(served(1.0, 40), 40 * S) is None


def test_a_queue_is_not_judged_while_it_fills() -> None:
    look = Hopeless([LENIENT], 10_000)
    assert look(served(0.6, 9), 9 * S) is None
    slow = served(0.6, 40, answer_ms=7000)
    assert look(slow, 40 * S) is None
