"""Two clocks, two witnesses: LoadGen's times against the ledger's.

LoadGen measures by the wall clock, which can be set while it runs; the ledger's stamps are of
the monotonic clock, which cannot. For each query LoadGen's time holds the ledger's: LoadGen
starts counting when it schedules the query, before the ledger stamps its issue, and stops when
the answer has been handed over to it, after the ledger stamped that. So each of its order
statistics is the ledger's or more. How much more is what the hand-over took.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sut.logs.figures import PERCENTILE_FIELDS, Figures
from sut.logs.run_logs import significant_quantum
from sut.metrics import (
    Nanoseconds,
    judged_duration_s,
    ledger_same_span_ns,
    loadgen_span_s,
    percentile_ns,
    steps,
)
from sut.record.clock import ClockFacts
from sut.rules.case import RunCase
from sut.rules.check import Check
from sut.rules.rule import PERFORMANCE, Book, Ground

STEP_TOLERANCE_S = 0.005
"""The wall clock may leave the monotonic one by so much; a reading is good to 0.1 ms."""

EARLIER_NS = 1_000_000
"""LoadGen may be so much ahead of the ledger: nothing of it is owed to the hand-over."""

LATER_NS = 5_000_000_000
LATER_PER_SAMPLE_NS = 20_000
"""LoadGen may be so much behind the ledger, to the system's own loss.

Measured on two busy cores: 0.45 s at the 99th percentile with two replicas at 2,000 queries/s,
and 5 microseconds a sample where the null engine answers 330,000 of them at once. Where other work
kept both cores busy, honest runs were 1.5 s (two vLLM replicas) and 2.2 s behind.
"""

LONGER_NS = 1_000_000_000
"""The whole run may be so much longer: only what is left of the hand-over at its end."""

ISSUE_NS = 1_000_000_000
"""The time of issue may differ by so much, either way."""

EARLIER_PER_ANSWER_NS = 100_000_000
"""TPOT is a difference of two hand-overs, over the tokens of the answer but one.

A first token that was handed over so much more slowly than its answer makes LoadGen's the less.
"""

MOST_SHOWN = 3
NS_PER_S = 1e9

Statistic = Callable[[Nanoseconds], int]


@dataclass(frozen=True)
class Band:
    """A figure of LoadGen, and what it may be by the ledger."""

    name: str
    loadgen_ns: float | None
    ledger_ns: float
    least_ns: float
    most_ns: float

    @property
    def holds(self) -> bool:
        return self.loadgen_ns is not None and self.least_ns <= self.loadgen_ns <= self.most_ns

    @property
    def words(self) -> str:
        """The contradiction, in ms."""
        theirs = "none" if self.loadgen_ns is None else f"{self.loadgen_ns / 1e6:.3f} ms"
        return f"{self.name} {theirs} (ledger {self.ledger_ns / 1e6:.3f} ms)"


CLOCKS: Book[RunCase] = Book(Ground.WITNESSES)
MEASURED = (PERFORMANCE,)


@CLOCKS.rule(
    "clock-steady",
    "Nobody set the wall clock while LoadGen measured by it",
    "LoadGen measures by the wall clock (loadgen/utils.h)",
    modes=MEASURED,
    ground=Ground.RECORD,
)
def clock_steady(case: RunCase) -> Iterable[Check]:
    """From the first query to the last."""
    yield wall_clock_steady(case.evidence.run.clock, case.evidence.ledger)


@CLOCKS.rule(
    "two-clocks",
    "LoadGen measured what the ledger did by another clock",
    "ledger.parquet",
    modes=MEASURED,
)
def two_clocks(case: RunCase) -> Iterable[Check]:
    """Duration, and each percentile, extreme and mean that LoadGen prints."""
    name = case.evidence.run.scenario
    yield times_agree(name, case.figures, case.sample_count, case.evidence.ledger)


def wall_clock_steady(clock: ClockFacts | None, ledger: Any | None) -> Check:
    """The wall clock kept pace with the monotonic one from the first query to the last."""
    measured = None
    if clock is not None and ledger is not None and _covers(clock, ledger):
        measured = "; ".join(_steps(clock)) or "none"
    return Check(
        name="steps of the wall clock, which LoadGen measures by",
        measured=measured,
        limit="none",
        comparison="==",
        unit=None,
        source=f"wall against monotonic clock, to {STEP_TOLERANCE_S * 1000:g} ms (run.json)",
        passed=measured == "none",
    )


def _covers(clock: ClockFacts, ledger: Any) -> bool:
    """Whether the clocks were read before the first query and after the last."""
    import pyarrow.compute as pc

    first, last = pc.min(ledger["issued_ns"]).as_py(), pc.max(ledger["done_ns"]).as_py()
    if first is None or clock.readings < 2:
        return clock.readings > 1
    return bool(clock.first_ns <= first and clock.last_ns >= (first if last is None else last))


def _steps(clock: ClockFacts) -> Iterable[str]:
    for each in clock.steps:
        yield f"{_direction(each.step_s)}, seen {each.after_s:.1f} s into the run"
    if not clock.steps and abs(clock.drift_s) > STEP_TOLERANCE_S:
        yield f"{_direction(clock.drift_s)}, little by little"
    if abs(clock.suspended_s) > STEP_TOLERANCE_S:
        yield f"the machine was suspended for {clock.suspended_s:.3f} s"


def _direction(step_s: float) -> str:
    return f"set {'forward' if step_s > 0 else 'back'} by {abs(step_s):.3f} s"


def times_agree(scenario: str, figures: Figures, n: int | None, ledger: Any | None) -> Check:
    """LoadGen's durations and the figures of its times are the ledger's and the hand-over."""
    measured: str | None = None
    if ledger is not None and ledger.num_rows and not figures.latency.empty:
        spans = [_span(scenario, figures, n, ledger), *_issue_span(scenario, figures, n, ledger)]
        bands = [*spans, *_figures(scenario, figures, ledger)]
        wrong = [each.words for each in bands if not each.holds]
        more = [f"{len(wrong) - MOST_SHOWN} more"] if len(wrong) > MOST_SHOWN else []
        measured = ", ".join([*wrong[:MOST_SHOWN], *more]) or "none"
    return Check(
        name="LoadGen's times that the ledger contradicts",
        measured=measured,
        limit="none",
        comparison="==",
        unit=None,
        source=f"mlperf_log_detail.txt against ledger.parquet: {tolerance()}",
        passed=measured == "none",
    )


def tolerance() -> str:
    """By how much a time of LoadGen may differ from the ledger's, in words."""
    return (
        f"at most {EARLIER_NS / 1e6:g} ms less and {LATER_NS / NS_PER_S:g} s + "
        f"{LATER_PER_SAMPLE_NS / 1000:g} microseconds a sample more"
    )


def later_ns(samples: int) -> int:
    """How much later than the ledger LoadGen may be, in a run of so many samples."""
    return LATER_NS + LATER_PER_SAMPLE_NS * samples


def _span(scenario: str, figures: Figures, n: int | None, ledger: Any) -> Band:
    theirs_s = loadgen_span_s(scenario, figures, n)
    ours_ns = float(ledger_same_span_ns(scenario, ledger))
    # A rate is printed with six digits.
    slack_ns = 0.0 if theirs_s is None else significant_quantum(theirs_s) * NS_PER_S
    n_rows = ledger.num_rows
    each_ns = LATER_PER_SAMPLE_NS * n_rows
    # One after the other: each query's hand-over is part of the whole.
    longer_ns = later_ns(n_rows) * n_rows if scenario == "SingleStream" else LONGER_NS + each_ns
    return Band(
        "duration",
        None if theirs_s is None else theirs_s * NS_PER_S,
        ours_ns,
        ours_ns - EARLIER_NS - slack_ns,
        ours_ns + longer_ns + slack_ns,
    )


def _issue_span(scenario: str, figures: Figures, n: int | None, ledger: Any) -> Iterable[Band]:
    """From the first issue to the last, which LoadGen holds against its minimum duration.

    Both ends are late by what the issue took, so it may differ either way. Offline has one query.
    """
    if scenario == "Offline" or ledger.num_rows < 2:
        return
    theirs_s = judged_duration_s(scenario, figures, n)
    issued = _column(ledger, "issued_ns")
    ours_ns = float(issued[-1] - issued[0])
    slack_ns = 0.0 if theirs_s is None else significant_quantum(theirs_s) * NS_PER_S
    room_ns, theirs_ns = ISSUE_NS + slack_ns, None if theirs_s is None else theirs_s * NS_PER_S
    yield Band("time of issue", theirs_ns, ours_ns, ours_ns - room_ns, ours_ns + room_ns)


def _figures(scenario: str, figures: Figures, ledger: Any) -> Iterable[Band]:
    """Percentiles, extremes and mean of each kind: none moves by more than its samples do."""
    issued, done = _column(ledger, "issued_ns"), _column(ledger, "done_ns")
    later = np.full(len(issued), later_ns(ledger.num_rows))
    earlier = np.full(len(issued), EARLIER_NS)
    kinds = [("latency", figures.latency, done - issued, earlier, later)]
    if scenario != "Offline":
        # A sample that failed before its first token gets one with its end, or before.
        first = _column(ledger, "first_token_ns", instead=done)
        none = ledger["first_token_ns"].is_null().to_numpy()
        before = np.where(none, done - issued, earlier)
        kinds.append(("TTFT", figures.ttft, first - issued, before, later))
        over = steps(_column(ledger, "tokens_out", instead=np.zeros_like(done)))
        per_answer = np.maximum(EARLIER_PER_ANSWER_NS, before) // abs(over)
        kinds.append(("TPOT", figures.tpot, (done - first) // over, per_answer, later // abs(over)))
    for kind, quantiles, values, less, more in kinds:
        for name, field, at in STATISTICS:
            # One first token that was handed over with its answer makes the least TPOT almost 0.
            alone = kind == "TPOT" and field == "min_ns"
            yield Band(
                f"{kind} {name}",
                getattr(quantiles, field),
                at(values),
                at(values - (more if alone else less)),
                at(values + more),
            )


def _at(percentile: float) -> Statistic:
    return lambda values: percentile_ns(np.sort(values), percentile)


STATISTICS: tuple[tuple[str, str, Statistic], ...] = (
    *(
        (f"P{float(spelled):g}", field, _at(float(spelled)))
        for spelled, field in PERCENTILE_FIELDS.items()
    ),
    ("minimum", "min_ns", lambda values: int(values.min())),
    ("maximum", "max_ns", lambda values: int(values.max())),
    # Whole numbers: a sum of doubles would lose nanoseconds.
    ("mean", "mean_ns", lambda values: int(sum(values.tolist()) // len(values))),
)
"""What LoadGen prints of each kind of time: its name, its field and how it is taken."""


def _column(ledger: Any, name: str, instead: Nanoseconds | None = None) -> Nanoseconds:
    """A column as whole numbers; a missing one is another's, or the end of the run."""
    column = ledger[name].combine_chunks()
    missing = column.is_null().to_numpy(zero_copy_only=False)
    values: Nanoseconds = column.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    if instead is None:
        instead = np.full(len(values), values.max(initial=0))
    return np.where(missing, instead, values)
