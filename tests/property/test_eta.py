"""The ETA over simulated runs: true in the end whatever the plan said."""

from __future__ import annotations

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from sut.config.names import Scenario
from sut.harness.eta import ANSWERS, Pace, Seen, seconds_left

SERVERS = st.sampled_from([Scenario.SERVER, Scenario.INTERACTIVE])
RATES = st.floats(0.01, 10_000)
OFF = st.floats(0.01, 100)
"""By how much a plan may be wrong."""
SECONDS = st.floats(0, 1e6)
COUNTS = st.integers(0, 10**6)


def pace(
    scenario: Scenario, queries: int, duration_s: float, least: tuple[int, float] = (0, 0.0)
) -> Pace:
    return Pace(scenario, queries, 2 * queries, duration_s, *least)


@st.composite
def sights(draw: st.DrawFn) -> Seen:
    """Anything that a lookout could see."""
    elapsed_s, ended, outstanding = draw(SECONDS), draw(COUNTS), draw(COUNTS)
    if not ended:
        return Seen(elapsed_s, outstanding, 0)
    return Seen(
        elapsed_s=elapsed_s,
        issued=ended + outstanding,
        ended=ended,
        first_s=draw(st.floats(0, elapsed_s)),
        first_ended=draw(st.integers(1, ended)),
        first_outstanding=draw(COUNTS),
    )


PACES = st.builds(
    pace,
    st.sampled_from(Scenario),
    st.integers(1, 10**6),
    st.floats(0.001, 1e6),
    st.tuples(COUNTS, SECONDS),
)


@given(PACES, sights())
def test_it_is_a_time_or_nothing(plan: Pace, seen: Seen) -> None:
    left = seconds_left(plan, seen)
    assert left is None or (math.isfinite(left) and left >= 0)


@given(COUNTS, st.integers(1, 10**6), st.floats(0.001, 1e6), SECONDS, SECONDS)
def test_without_answers_after_the_first_ones_only_the_plan_speaks(
    first: int, more: int, duration_s: float, first_s: float, later_s: float
) -> None:
    queries, now_s = first + more, first_s + later_s
    seen = Seen(now_s, queries, first, first_s, first, more) if first else Seen(now_s, queries, 0)
    left = seconds_left(pace(Scenario.OFFLINE, queries, duration_s), seen)
    assert left == (duration_s - now_s if duration_s > now_s else None)


@given(st.floats(0.001, 1e4), st.integers(2, 10**5), OFF, st.floats(0, 100))
def test_one_answer_of_a_single_stream_moves_it_by_a_twentieth_at_most(
    each_s: float, queries: int, off: float, slower: float
) -> None:
    plan = pace(Scenario.SINGLE_STREAM, queries, queries * each_s, (queries, 0.0))
    one = Seen(each_s * slower, 2, 1, each_s * slower, 1)
    left = seconds_left(plan, one)
    assert left is None or left <= (queries - 1) * each_s * (1 + slower / ANSWERS)


@given(st.integers(4, 60), st.integers(ANSWERS, 512), st.floats(0.1, 100), OFF, st.floats(0, 0.999))
def test_offline_in_waves_comes_to_the_truth(
    waves: int, batch: int, wave_s: float, off: float, into: float
) -> None:
    """`batch` samples end together every `wave_s`; asked from the middle of the run on."""
    plan = pace(Scenario.OFFLINE, waves * batch, waves * wave_s * off)
    for done in range(max(waves // 2, 2), waves):
        now_s = (done + into) * wave_s
        seen = Seen(now_s, waves * batch, done * batch, wave_s, batch, (waves - 1) * batch)
        left = seconds_left(plan, seen)
        assert left is not None
        # One wave is not seen before its end, and the rate is of the waves after the first.
        error_s = wave_s * ((waves - done) / (done - 1) + 1.01)
        assert abs(left - (waves * wave_s - now_s)) <= error_s


@given(SERVERS, RATES, st.floats(100, 10_000), st.floats(0.001, 0.2), st.floats(0.5, 0.99))
def test_a_server_that_keeps_up_ends_with_its_schedule_and_the_last_answers(
    scenario: Scenario, rate: float, arrivals: float, slow: float, part: float
) -> None:
    """Each answer takes the same `latency_s`."""
    queries, lasts_s = int(arrivals), int(arrivals) / rate
    latency_s, now_s = slow * lasts_s, part * lasts_s
    ended = int((now_s - latency_s) * rate)
    assume(ended - 1 >= ANSWERS and now_s >= 2 * latency_s)
    seen = Seen(now_s, int(now_s * rate), ended, latency_s, 1, int(latency_s * rate))
    left = seconds_left(pace(scenario, queries, lasts_s), seen)
    assert left is not None
    assert left >= lasts_s - now_s
    # A query more or less waits at the moment of the look, and was answered since the first.
    assert abs(left - (lasts_s - now_s + latency_s)) <= 3 / rate + latency_s / ANSWERS * 3


@given(SERVERS, RATES, st.integers(400, 10_000), st.floats(1.3, 20), st.floats(0.5, 0.99))
def test_a_server_that_falls_behind_says_by_how_much(
    scenario: Scenario, rate: float, queries: int, behind: float, part: float
) -> None:
    """It does 1 / `behind` of the arrivals, from the first on."""
    lasts_s, does = queries / rate, rate / behind
    now_s = part * lasts_s
    ended = int(now_s * does)
    assume(ended > ANSWERS)
    seen = Seen(now_s, int(now_s * rate), ended, 1 / does, 1, int(behind))
    left = seconds_left(pace(scenario, queries, lasts_s), seen)
    assert left is not None
    truth_s = queries / does - now_s
    # What has ended is a whole number, and so is what waited as the first one did.
    assert abs(left - truth_s) <= 3 * truth_s / (ended - 1) + 3 * lasts_s * behind / (ended - 1)


@given(SERVERS, RATES, st.integers(1, 10_000), st.floats(0, 0.999))
def test_a_server_takes_its_schedule_at_least(
    scenario: Scenario, rate: float, queries: int, part: float
) -> None:
    lasts_s = queries / rate
    left = seconds_left(pace(scenario, queries, lasts_s), Seen(part * lasts_s, 0, 0))
    assert left is not None
    assert math.isclose(left, (1 - part) * lasts_s, rel_tol=1e-9, abs_tol=1e-9)


@given(st.floats(0.001, 10), st.integers(30, 10_000), st.floats(0, 10_000), OFF, st.floats(0.1, 1))
def test_a_single_stream_lasts_until_both_minima_are_reached(
    each_s: float, least: int, least_s: float, off: float, part: float
) -> None:
    """Every answer takes the same time; the plan is wrong by `off`."""
    at_most = max(least, int(2 * least_s / each_s))
    plan = Pace(Scenario.SINGLE_STREAM, at_most, at_most, at_most * each_s * off, least, least_s)
    ended = max(int(part * least), ANSWERS)
    left = seconds_left(plan, Seen(ended * each_s, ended + 1, ended, each_s, 1))
    truth_s = min(max(least * each_s, least_s), at_most * each_s) - ended * each_s
    assert left is not None
    assert math.isclose(left, max(truth_s, 0), rel_tol=1e-6, abs_tol=1e-6)
