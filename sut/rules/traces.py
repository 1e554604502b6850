"""LoadGen's trace against the ledger: query by query, where the trace is on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sut.logs.trace import TRACE_NAME, Trace, Traced, read_trace
from sut.rules.case import RunCase
from sut.rules.check import Check, check
from sut.rules.clocks import EARLIER_NS, later_ns, tolerance
from sut.rules.rule import Book, Ground

TRACES: Book[RunCase] = Book(Ground.WITNESSES)
Row = dict[str, Any]


@TRACES.rule(
    "trace-agrees",
    "LoadGen's trace tells of the ledger's queries, and of the same times",
    "mlperf_log_trace.json",
)
def trace_agrees(case: RunCase) -> Iterable[Check]:
    """A run whose trace was switched off has none, and is not asked."""
    evidence = case.evidence
    path, ledger = evidence.directory / TRACE_NAME, evidence.ledger
    if not path.is_file() and TRACE_NAME in evidence.run.log_sha256:
        return  # files-unchanged says that it is gone
    trace = read_trace(path)
    if not evidence.config.loadgen.enable_trace and not trace.samples:
        return
    measured = None
    if ledger is not None:
        found = list(_contradictions(trace, ledger.to_pylist()))
        more = f", {len(found) - 1} more" if len(found) > 1 else ""
        measured = f"{found[0]}{more}" if found else "none"
    source = f"{TRACE_NAME} against ledger.parquet: {tolerance()}"
    yield check("queries that the trace tells otherwise", measured, "==", "none", source)


def _contradictions(trace: Trace, rows: list[Row]) -> Iterator[str]:
    later, start = later_ns(len(rows)), None
    known = {row["seq"] for row in rows}
    yield from (f"query {seq} is not in the ledger" for seq in trace.samples if seq not in known)
    for row in rows:
        seq, traced = row["seq"], trace.samples.get(row["seq"])
        if traced is None:
            yield f"query {seq} is not in the trace"
            continue
        if row["issued_ns"] is None:
            continue  # ledger-in-order says so
        start = traced.issued_ns - row["issued_ns"] if start is None else start
        if traced.sample_index != row["sample_index"]:
            yield f"query {seq} asks for sample {traced.sample_index}, not {row['sample_index']}"
            continue
        # A single query may be as late as an answer: other work kept both cores busy, and an honest
        # run was refused. The whole time of issue is held closer, by two-clocks.
        if abs(traced.issued_ns - row["issued_ns"] - start) > later:
            yield f"query {seq} was issued at another time"
        for kind, theirs, ours in _times(traced, trace, row):
            if not -EARLIER_NS <= theirs - ours <= later:
                yield f"query {seq} has a {kind} of {theirs / 1e6:.3f} ms, not {ours / 1e6:.3f} ms"


def _times(traced: Traced, trace: Trace, row: Row) -> Iterator[tuple[str, int, int]]:
    """Kind, LoadGen's time from when the query was due, the ledger's from its issue; ns."""
    if row["done_ns"] is not None:
        theirs = traced.done_ns - traced.scheduled_ns
        yield "latency", theirs, row["done_ns"] - row["issued_ns"]
    first = trace.first_token_ns.get(traced.scheduled_ns)
    if first is not None and row["first_token_ns"] is not None:
        yield "TTFT", first - traced.scheduled_ns, row["first_token_ns"] - row["issued_ns"]
