"""Whether a run's figures are the system's own: each disturbance beside its bound, as rows.

A row is there where something was measured. What holds a run to a bound is a rule, and it stands
among the run's checks; here are the figures behind them, and those that are only told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.logs.trace import TRACE_NAME, Trace, read_trace
from sut.metrics import latency_ns, percentile_ns, tpot_ns, ttft_ns
from sut.record.session import RunRecord
from sut.record.surroundings import SurroundingsFacts
from sut.report.load_lines import FEW, preempted
from sut.result.schema import RunResult
from sut.rules.clocks import STEP_TOLERANCE_S, tolerance
from sut.rules.surroundings import (
    COLLECTION_MS,
    ISSUE_LATE_MS,
    LOOP_LATE_MS,
    STEAL_SHARE,
    THROTTLED_SHARE,
)

TOLD = "told from {} on"
SHARES = (
    ("the harness", "harness_share"),
    ("LoadGen", "loadgen_share"),
    ("the engine", "engine_share"),
)


@dataclass(frozen=True)
class Trusted:
    """One figure of what had a part beside the system.

    Attributes:
        bound: what is said of it, or what it is held to; empty: nothing.
        within: whether it keeps the bound; None: there is none.
        words: how it is taken.
    """

    name: str
    measured: str
    bound: str
    within: bool | None
    words: str


def trust(run: RunResult, record: RunRecord, others_most: float | None) -> list[Trusted]:
    """The rows of one performance run.

    Args:
        run: as it was judged.
        record: its folder, read.
        others_most: share of the processor that others may use; None: nothing is asked.
    """
    return [
        *_lateness(run),
        *_hand_over(run, record),
        *_by_trace(record),
        *_machine(run.surroundings, others_most),
        *_clock(record),
        *_engine(run),
    ]


def _lateness(run: RunResult) -> Iterator[Trusted]:
    late, most = run.issue_late_ms_p99, run.issue_late_ms_most
    if late is not None and most is not None:
        yield Trusted(
            "queries came late", f"{late:.3g} ms P99, {most:.3g} ms at most",
            TOLD.format(f"{ISSUE_LATE_MS:g} ms P99"), late <= ISSUE_LATE_MS,
            "the ledger's issue against the schedule of the round's seed; the least late is 0",
        )  # fmt: skip
    seen = run.surroundings
    if seen is not None and seen.loop_late_ms_p99 is not None:
        yield Trusted(
            "the event loop came late",
            f"{seen.loop_late_ms_p99:.3g} ms P99, {seen.loop_late_ms_most or 0:.3g} ms at most",
            TOLD.format(f"{LOOP_LATE_MS:g} ms P99"), seen.loop_late_ms_p99 <= LOOP_LATE_MS,
            "the engine's loop, asked each 20 ms",
        )  # fmt: skip
    if seen is not None:
        yield Trusted(
            "garbage collections",
            f"{seen.collections}, the longest {seen.collection_ms_most:.3g} ms",
            TOLD.format(f"{COLLECTION_MS:g} ms"), seen.collection_ms_most <= COLLECTION_MS,
            "of the harness's process; nothing else runs in it meanwhile",
        )  # fmt: skip


def _hand_over(run: RunResult, record: RunRecord) -> Iterator[Trusted]:
    """LoadGen's P99 beyond the ledger's: what the way from one to the other took."""
    if record.ledger is None:
        return
    agreed = next((each for each in run.checks if each.rule == "two-clocks"), None)
    kinds = [("latency", run.latency, latency_ns)]
    if record.scenario is not Scenario.OFFLINE:
        kinds += [("TTFT", run.ttft, ttft_ns), ("TPOT", run.tpot, tpot_ns)]
    for name, theirs, of_ledger in kinds:
        ours = of_ledger(record.ledger)
        if theirs is None or theirs.source != "loadgen" or theirs.p99_ns is None or not len(ours):
            continue
        ours_ms = percentile_ns(np.sort(ours), 99) / 1e6
        theirs_ms = theirs.p99_ns / 1e6
        yield Trusted(
            f"{name}: LoadGen beside the ledger",
            f"P99 {figure_text(theirs_ms)} ms beside {figure_text(ours_ms)} ms, "
            f"{theirs_ms - ours_ms:+.3g} ms",
            tolerance(), None if agreed is None or not agreed.judged else agreed.passed,
            "LoadGen counts from when the query was due, by the wall clock; the ledger from the "
            "issue, by the monotonic one",
        )  # fmt: skip


def _by_trace(record: RunRecord) -> Iterator[Trusted]:
    """Query by query, where LoadGen's trace is on; both clocks count from their own issue."""
    trace = read_trace(record.folder.root / TRACE_NAME)
    if record.ledger is None or not trace.samples:
        return
    for name, delays_ms in _delays_ms(trace, record.ledger.to_pylist()).items():
        if delays_ms:
            yield Trusted(
                name,
                f"{np.percentile(delays_ms, 99):.3g} ms P99, {max(delays_ms):.3g} ms at most",
                "", None, "LoadGen's trace against the ledger, each from its own issue",
            )  # fmt: skip


def _delays_ms(trace: Trace, rows: list[dict[str, Any]]) -> dict[str, list[float]]:
    """How much later LoadGen stamped a first token, and an answer, than the ledger did."""
    first: list[float] = []
    done: list[float] = []
    for row in rows:
        traced = trace.samples.get(row["seq"])
        if traced is None or row["issued_ns"] is None:
            continue
        stamp = trace.first_token_ns.get(traced.scheduled_ns)
        if stamp is not None and row["first_token_ns"] is not None:
            ours = row["first_token_ns"] - row["issued_ns"]
            first.append((stamp - traced.issued_ns - ours) / 1e6)
        if row["done_ns"] is not None:
            ours = row["done_ns"] - row["issued_ns"]
            done.append((traced.done_ns - traced.issued_ns - ours) / 1e6)
    return {"first tokens reached LoadGen after": first, "answers reached LoadGen after": done}


def _machine(seen: SurroundingsFacts | None, most: float | None) -> Iterator[Trusted]:
    if seen is None:
        return
    if seen.others_share is not None:
        worst = ""
        if seen.others_share_most is not None:
            worst = f", {seen.others_share_most:.1%} in the worst second"
        yield Trusted(
            "other programs", f"{seen.others_share:.1%} of the processor{worst}",
            "" if most is None else f"<= {most:.0%}; beyond, INVALID in the mlperf profile",
            None if most is None else seen.others_share <= most,
            f"of {seen.cores} hardware threads over {seen.seconds:.4g} s",
        )  # fmt: skip
    if seen.steal_share is not None:
        yield Trusted(
            "other machines", f"{seen.steal_share:.1%} of the processor",
            TOLD.format(f"{STEAL_SHARE:.0%}"), seen.steal_share <= STEAL_SHARE,
            "what the hypervisor gave away",
        )  # fmt: skip
    if seen.throttled_s is not None:
        yield Trusted(
            "kept from the processor", f"{seen.throttled_s:.3g} of {seen.seconds:.4g} s",
            TOLD.format(f"{THROTTLED_SHARE:.0%}"),
            seen.throttled_s <= THROTTLED_SHARE * seen.seconds, "by the control group's limit",
        )  # fmt: skip
    shares = ((name, getattr(seen, field)) for name, field in SHARES)
    told = ", ".join(f"{name} {share:.1%}" for name, share in shares if share is not None)
    if told:
        yield Trusted("whose the processor was", told, "", None, "each with its processes")


def _clock(record: RunRecord) -> Iterable[Trusted]:
    clock = record.facts.clock
    if clock is None:
        return
    steps = len(clock.steps)
    yield Trusted(
        "the wall clock",
            f"{steps} steps, {clock.drift_s * 1000:+.3g} ms against the monotonic one",
        f"<= {STEP_TOLERANCE_S * 1000:g} ms",
        not steps and abs(clock.drift_s) <= STEP_TOLERANCE_S,
        f"{clock.readings} readings; LoadGen measures by it",
    )  # fmt: skip


def _engine(run: RunResult) -> Iterator[Trusted]:
    found = preempted(run)
    if found is not None:
        where = f"; {found.most}" if found.most else ""
        yield Trusted(
            "pre-emptions", f"{found.count:.0f}, {found.share:.1%} of the samples{where}",
            TOLD.format(f"{FEW:.0%}"), found.few,
            "queries that the engine had to begin again: their work was done twice",
        )  # fmt: skip
    yield Trusted(
        "events that came too late", str(run.queries.late_events), "", None,
        "for samples that had ended; dropped",
    )  # fmt: skip
