"""How long a LoadGen run still takes, from its plan and from the rate seen so far.

The first answers tell little: batches run together, so that nothing ends for a long time and then
much at once. So the plan counts until there are answers enough, spread over as long as the first
ones took. Nothing is said where the plan has been proved wrong and too little has been seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sut.config.names import Mode, Scenario
from sut.plan.run_plan import RunPlan

ANSWERS = 20
"""So many answers after the first ones tell the rate by themselves."""
ENOUGH = 0.5
"""The share of what is wanted of answers that stands without a plan."""
DEVIATIONS = 3.0
"""A queue that grew by so many standard deviations grows in truth."""
MS_PER_S = 1000


@dataclass(frozen=True)
class Pace:
    """What a run's length follows from before it begins.

    Attributes:
        scenario: which one.
        queries: samples that LoadGen is expected to issue.
        queries_at_most: samples that LoadGen has prepared.
        duration_s: at the plan's rate; in Server and Interactive the time of the last arrival.
        min_queries: samples that must be there at the end.
        min_duration_s: seconds that the run must last. Offline does not wait for them.
    """

    scenario: Scenario
    queries: int
    queries_at_most: int
    duration_s: float
    min_queries: int
    min_duration_s: float

    @property
    def each_s(self) -> float:
        """Seconds from one answer to the next, if the system is as fast as its target says."""
        return self.duration_s / self.queries if self.queries else 0.0


def pace_of(plan: RunPlan) -> Pace:
    """The part of a plan that says how long its run takes."""
    ahead, scenario = plan.forecast, plan.run.scenario
    # An accuracy run asks every sample once, whatever LoadGen's minima are.
    accuracy = plan.run.mode is Mode.ACCURACY
    counted = accuracy or scenario is Scenario.OFFLINE
    least = plan.expected_settings.get("effective_min_query_count", 0)
    least_ms = plan.expected_settings.get("effective_min_duration_ms", 0)
    return Pace(
        scenario=scenario,
        queries=ahead.queries_expected,
        queries_at_most=ahead.queries_at_most,
        duration_s=ahead.duration_expected_s,
        min_queries=ahead.queries_expected if counted else least,
        min_duration_s=0.0 if accuracy else least_ms / MS_PER_S,
    )


@dataclass(frozen=True)
class Seen:
    """Where a run stands.

    Attributes:
        elapsed_s: since LoadGen's first query; 0 before it.
        issued: samples so far.
        ended: of them, those that have ended.
        first_s: `elapsed_s` as the first answers were seen; None: there are none.
        first_ended: how many those were.
        first_outstanding: samples without an answer at that time.
    """

    elapsed_s: float
    issued: int
    ended: int
    first_s: float | None = None
    first_ended: int = 0
    first_outstanding: int = 0

    @property
    def outstanding(self) -> int:
        """Samples without an answer."""
        return self.issued - self.ended

    @property
    def measured_s(self) -> float:
        """How long answers have come: seconds since the first ones."""
        return 0.0 if self.first_s is None else self.elapsed_s - self.first_s

    @property
    def each_s(self) -> float:
        """Seconds from one answer to the next, since the first ones; endless without any."""
        later = self.ended - self.first_ended
        return self.measured_s / later if later else math.inf

    @property
    def trust(self) -> float:
        """How far that goes: 0 not at all, 1 without the plan."""
        if self.first_s is None:
            return 0.0
        by_count = (self.ended - self.first_ended) / ANSWERS
        # Queries that are answered together come in waves as long as the first one.
        by_time = self.measured_s / self.first_s if self.first_s else 1.0
        return min(by_count, by_time, 1.0)


def seconds_left(pace: Pace, seen: Seen) -> float | None:
    """How long the run still takes; None while nothing supports a figure.

    Args:
        pace: its plan.
        seen: what became of it so far.
    """
    if pace.scenario is Scenario.OFFLINE:
        return _offline(pace, seen)
    if pace.scenario is Scenario.SINGLE_STREAM:
        return _one_at_a_time(pace, seen)
    return _arrivals(pace, seen)


def _offline(pace: Pace, seen: Seen) -> float | None:
    """All samples are there from the start: those without an answer, at the rate of answers."""
    left = max(pace.queries, seen.issued) - seen.ended
    if not left:
        return 0.0
    planned_s = pace.duration_s - seen.elapsed_s
    if planned_s <= 0:
        return left * seen.each_s if seen.trust >= ENOUGH else None
    return _blended(planned_s, left * seen.each_s, seen.trust)


def _arrivals(pace: Pace, seen: Seen) -> float | None:
    """LoadGen plays its schedule to the end; then what waits is still to be answered."""
    ahead_s = pace.duration_s - seen.elapsed_s
    if ahead_s <= 0:
        ahead_s = max(pace.queries - seen.issued, 0) * pace.each_s
    if not ahead_s and seen.outstanding and seen.trust < ENOUGH:
        return None
    waiting = seen.outstanding + _growth_per_s(seen) * ahead_s
    return ahead_s + waiting * _blended(pace.each_s, seen.each_s, seen.trust)


def _growth_per_s(seen: Seen) -> float:
    """By how much the queue grows each second; 0 where that may be chance."""
    more = seen.outstanding - seen.first_outstanding
    if more <= DEVIATIONS * math.sqrt(seen.first_outstanding + 1) or not seen.measured_s:
        return 0.0
    return more / seen.measured_s * seen.trust


def _one_at_a_time(pace: Pace, seen: Seen) -> float | None:
    """Until both minima are reached, or LoadGen runs out of queries."""
    trust = min(seen.ended / ANSWERS, 1.0)
    if not seen.ended and seen.elapsed_s > pace.each_s:
        return None  # the first query takes longer than the plan says, and who knows by how much
    if seen.elapsed_s > pace.duration_s and trust < ENOUGH:
        return None
    measured_s = seen.elapsed_s / seen.ended if seen.ended else math.inf
    each_s = _blended(pace.each_s, measured_s, trust)
    by_count = max(pace.min_queries - seen.ended, 0) * each_s
    by_time = pace.min_duration_s - seen.elapsed_s
    at_most = max(pace.queries_at_most - seen.ended, 0) * each_s
    return min(max(by_count, by_time, 0.0), at_most)


def _blended(planned_s: float, measured_s: float, trust: float) -> float:
    return planned_s if not trust else (1 - trust) * planned_s + trust * measured_s
