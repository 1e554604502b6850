"""A close look reads a ledger's answers once, some of them where there are many, and no token."""

from __future__ import annotations

from array import array
from concurrent.futures import Future

import pytest

from sut.config.names import Mode, Scenario
from sut.engines.base import Failed, Finished, FirstToken
from sut.harness import closely
from sut.harness.closely import Closely, Figures, Watched, watched_of
from sut.harness.eta import Pace, Seen
from sut.harness.ledger import Ledger
from sut.plan.run_id import RunId
from sut.record.answer import AnswerBounds
from tests.unit.config.support import loaded

MS = 1_000_000
ANSWER = array("i", [7, 7, 7]).tobytes()
SERVER = Pace(Scenario.SERVER, 1000, 1000, 100.0, 90, 60)
TTFT, TPOT = Watched("TTFT", 95, 20.0, loadgens=True), Watched("TPOT", 95, 5.0, loadgens=True)
LATENCY = Watched("latency", 99)


def new_ledger() -> Ledger:
    return Ledger(reports_first_token=True, bounds=AnswerBounds(3, 1, frozenset({0})))


def answer(ledger: Ledger, ttft_ms: int, tpot_ms: int) -> None:
    """One more query, from its issue to its end."""
    seq = ledger.issued
    ledger.issue(seq, [0], 1000 * MS)
    ledger.apply([FirstToken(seq, 7)], (1000 + ttft_ms) * MS)
    ledger.apply([Finished(seq, ANSWER, "length")], (1000 + ttft_ms + 2 * tpot_ms) * MS)


def seen(ledger: Ledger, elapsed_s: float = 1.0) -> Seen:
    return Seen(elapsed_s, ledger.issued, ledger.ended, elapsed_s, 1, 0)


def times_of(figures: Figures) -> dict[str, float | None]:
    return {each.watched.kind: each.ms for each in figures.times}


def test_times_are_the_percentiles_of_the_answers_so_far() -> None:
    ledger = new_ledger()
    looks = Closely(ledger, SERVER, [TTFT, TPOT, LATENCY])
    assert times_of(looks.look(seen(ledger))) == {"TTFT": None, "TPOT": None, "latency": None}
    answer(ledger, 10, 3)
    ledger.issue(1, [0], 1000 * MS)
    ledger.apply([Failed(1, "why")], 9_000_000 * MS)
    found = looks.look(seen(ledger))
    assert times_of(found) == {
        "TTFT": pytest.approx(10, rel=0.01),
        "TPOT": pytest.approx(3, rel=0.01),
        "latency": pytest.approx(16, rel=0.01),
    }, "a failed query has no time"
    assert [each.within for each in found.times] == [True, True, None]
    assert found.tokens_out == 3
    answer(ledger, 40, 3)
    assert [each.within for each in looks.look(seen(ledger)).times] == [False, True, None]


def test_a_query_over_a_limit_raises_what_is_needed() -> None:
    ledger = new_ledger()
    looks = Closely(ledger, SERVER, [TTFT, TPOT])
    found = looks.look(seen(ledger))
    assert (found.needed, found.needed_for) == (90, None), "P95 asks for as many as the minimum"
    answer(ledger, 21, 3)
    found = looks.look(seen(ledger))
    assert found.needed == 130 - 1, "LoadGen grants P95 with one late after 130"
    assert found.needed_for is not None
    assert (found.needed_for.watched, found.needed_for.late) == (TTFT, 1)
    for _ in range(130):
        answer(ledger, 19, 3)
    assert looks.look(seen(ledger)).needed == 0


def test_a_percentile_with_too_many_late_ones_is_lost() -> None:
    ledger = new_ledger()
    looks = Closely(ledger, SERVER, [TTFT, TPOT])
    for _ in range(50):
        answer(ledger, 1, 6)
    assert looks.look(seen(ledger)).needed is not None, "50 of 1000 may be late"
    answer(ledger, 1, 6)
    found = looks.look(seen(ledger))
    assert found.needed is None
    assert found.needed_for is not None
    assert found.needed_for.watched is TPOT


def test_of_many_answers_some_are_read_and_stand_for_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(closely, "MOST_ANSWERS", 10)
    ledger = new_ledger()
    looks = Closely(ledger, SERVER, [TTFT])
    for _ in range(95):
        answer(ledger, 30, 3)
    (found,) = looks.look(seen(ledger)).times
    assert found.late == 100, "ten were read, each for ten"
    answer(ledger, 30, 3)
    (found,) = looks.look(seen(ledger)).times
    assert found.late == 101, "an answer is read once"


def test_rates_are_of_the_last_ten_seconds() -> None:
    ledger = new_ledger()
    looks = Closely(ledger, SERVER, [])
    assert looks.look(seen(ledger, 0.0)).tokens_per_s is None
    for second in range(1, 31):
        for _ in range(2 if second <= 10 else 4):
            answer(ledger, 1, 1)
        found = looks.look(seen(ledger, float(second)))
        if second == 10:
            assert (found.answers_per_s, found.tokens_per_s) == (2, 6)
        if second == 15:
            assert found.answers_per_s == 3, "half of them at each rate"
    assert (found.answers_per_s, found.tokens_per_s) == (4, 12)


def told(**counters: float) -> Future[dict[str, float]]:
    future: Future[dict[str, float]] = Future()
    future.set_result(counters)
    return future


def test_preemptions_are_those_of_the_run_and_nobody_waits_for_them() -> None:
    ledger, pending = new_ledger(), Future[dict[str, float]]()
    answers = [told(preemptions=4), pending, told(preemptions=9)]
    asked: list[float] = []

    def ask() -> Future[dict[str, float]]:
        asked.append(now)
        return answers[len(asked) - 1]

    looks = Closely(ledger, SERVER, [], ask)
    found = []
    for now in (0.0, 1.0, 5.0, 11.0, 12.0, 13.0, 17.0, 17.5):
        if now == 13.0:
            pending.set_exception(TimeoutError())
        found.append(looks.look(seen(ledger, now)).preemptions)
    assert found == [None, 0, 0, 0, 0, 0, 5, 5]
    assert asked == [0.0, 5.0, 13.0], "never while it owes an answer"


def test_what_each_replica_put_off_is_what_it_said_last() -> None:
    ledger, said = new_ledger(), {0: 0.0, 1: 7.0}
    looks = Closely(ledger, SERVER, [], preempted_on=lambda: said)
    assert looks.look(seen(ledger, 0.0)).preempted_on == said
    assert Closely(ledger, SERVER, []).look(seen(ledger, 0.0)).preempted_on == {}


def test_an_engine_that_counts_none_says_none() -> None:
    ledger = new_ledger()
    looks = Closely(ledger, SERVER, [], lambda: told(requests_finished=1))
    assert [looks.look(seen(ledger, at)).preemptions for at in (0.0, 1.0)] == [None, None]


@pytest.mark.parametrize(
    ("scenario", "mode", "names"),
    [
        (Scenario.SERVER, Mode.PERFORMANCE, ["TTFT P95", "TPOT P95", "latency P99"]),
        (Scenario.INTERACTIVE, Mode.COMPLIANCE, ["TTFT P95", "TPOT P95", "latency P99"]),
        (Scenario.SINGLE_STREAM, Mode.PERFORMANCE, ["TTFT P90", "TPOT P90", "latency P90"]),
        (Scenario.SERVER, Mode.ACCURACY, []),
        (Scenario.OFFLINE, Mode.PERFORMANCE, []),
    ],
)
def test_what_is_watched_is_what_the_verdict_rests_on(
    scenario: Scenario, mode: Mode, names: list[str]
) -> None:
    config = loaded("--set", "server.ttft_limit_ms=700").config
    found = watched_of(config, RunId(scenario, mode))
    assert [each.name for each in found] == names
    if scenario is Scenario.SERVER and found:
        assert [each.limit_ms for each in found] == [700, 500, 20000]
    if scenario is Scenario.SINGLE_STREAM:
        assert all(each.limit_ms is None for each in found)
