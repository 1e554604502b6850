"""A session as a timeline: `trace.json.gz`, in the Trace Event Format that Perfetto reads.

Every query is a slice with what happened to it inside: waiting (from the time LoadGen meant to
issue it until we had it), prefill (until its first token; in the engine's queue and in work, which
no stamp tells apart), decode (until its answer) and delivery (until LoadGen had the answer).
Queries that overlap lie in lanes beside each other, by replica. Counters count what the ledger
tells at each moment, and what each card did each second.

Times are microseconds of the ledger's clock from the first issue of the session. LoadGen stamps on
a clock of its own: the two are joined where the way from LoadGen to us was shortest, so that the
slices of waiting and delivery are right but for that least delay.

Source: Trace Event Format, "Complete Events", "Counter Events", "Metadata Events" (Google,
Catapult project); perfetto.dev, "Other trace formats".
"""

from __future__ import annotations

import gzip
import heapq
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sut.errors import LogError
from sut.logs.trace import TRACE_NAME, Traced, read_trace
from sut.record.cards import CardSample, by_card, read_samples
from sut.record.session import RunRecord, SessionRecord

Event = dict[str, Any]

NS_PER_US = 1000
PIDS_A_RUN = 1000
"""Numbers of processes that a run has: its engine, then one for each replica, then its cards."""
OF_CARDS = 900
COUNTERS = ("waiting for a first token", "answering", "prompt tokens waiting")


@dataclass(frozen=True)
class Stamps:
    """What happened to one query, ns of the ledger's clock; None: it did not, or nobody knows."""

    row: dict[str, Any]
    scheduled: int | None
    issued: int
    first: int | None
    done: int
    delivered: int | None

    @property
    def begin(self) -> int:
        return self.issued if self.scheduled is None else min(self.scheduled, self.issued)

    @property
    def end(self) -> int:
        return self.done if self.delivered is None else max(self.delivered, self.done)

    def phases(self) -> Iterator[tuple[str, int, int]]:
        """Name, begin and end, in order, without gap or overlap."""
        if self.begin < self.issued:
            yield "waiting", self.begin, self.issued
        if self.first is None:
            yield "answer", self.issued, self.done
        else:
            yield "prefill", self.issued, self.first
            yield "decode", self.first, self.done
        if self.end > self.done:
            yield "delivery", self.done, self.end


def trace_bytes(session: SessionRecord, place: str | None = None) -> bytes:
    """The compressed trace of a session's runs, the same bytes each time.

    Args:
        session: as it was read.
        place: of the only run that is wanted, e.g. Server/performance; None: all.

    Raises:
        LogError: there is no such run, or none that has a ledger.
    """
    document = trace_of(session, place)
    text = json.dumps(document, separators=(",", ":"))
    return gzip.compress(text.encode(), mtime=0)


def trace_of(session: SessionRecord, place: str | None = None) -> dict[str, Any]:
    """The trace as JSON; see `trace_bytes`."""
    wanted = [run for run in session.runs if place in (None, run.place)]
    stamped = [(run, _stamps(run)) for run in wanted]
    told = [(run, stamps) for run, stamps in stamped if stamps]
    if not told:
        known = ", ".join(run.place for run in session.runs) or "none"
        raise LogError(
            f"there is no run {place} with a ledger."
            if place
            else "there is no run with a ledger.",
            where=str(session.folder.root),
            remedy=f"The session has: {known}.",
        )
    origin = min(each.begin for _, stamps in told for each in stamps)
    events = [
        event
        for number, (run, stamps) in enumerate(told, 1)
        for event in _of_run(run, stamps, number * PIDS_A_RUN)
    ]
    for event in events:
        if "ts" in event:
            event["ts"] = _us(event["ts"] - origin)
    return {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {
            "session": session.folder.name,
            "clock": "monotonic, from the first issue",
            "counters": {run.place: run.facts.engine_counters for run, _ in told},
        },
    }


def _us(ns: int) -> float:
    """Microseconds, to the nanosecond."""
    return ns / NS_PER_US


def _stamps(run: RunRecord) -> list[Stamps]:
    """Every query that ended, by the time it came; none where there is no ledger."""
    if run.ledger is None:
        return []
    rows = [row for row in run.ledger.to_pylist() if row["done_ns"] is not None]
    traced = read_trace(run.folder.root / TRACE_NAME).samples
    both = [
        (row["issued_ns"], traced[row["seq"]].issued_ns) for row in rows if row["seq"] in traced
    ]
    offset = min((ours - theirs for ours, theirs in both), default=0)
    found = [_joined(row, traced.get(row["seq"]), offset) for row in rows]
    return sorted(found, key=lambda each: each.begin)


def _joined(row: dict[str, Any], traced: Traced | None, offset: int) -> Stamps:
    first, done = row["first_token_ns"], row["done_ns"]
    return Stamps(
        row=row,
        scheduled=None if traced is None else traced.scheduled_ns + offset,
        issued=row["issued_ns"],
        first=None if first is None else min(first, done),
        done=done,
        delivered=None if traced is None else traced.done_ns + offset,
    )


def _of_run(run: RunRecord, stamps: Sequence[Stamps], pid: int) -> Iterator[Event]:
    yield from _named(pid, f"{run.place}: engine")
    yield from _counters(stamps, pid)
    by_replica: dict[int, list[Stamps]] = {}
    for each in stamps:
        by_replica.setdefault(each.row["replica"] or 0, []).append(each)
    for replica, mine in sorted(by_replica.items()):
        yield from _named(pid + 1 + replica, f"{run.place}: queries of replica {replica}")
        yield from _queries(mine, pid + 1 + replica)
    first, last = stamps[0].begin, max(each.end for each in stamps)
    for number, (uuid, samples) in enumerate(by_card(read_samples(run.folder.cards)).items()):
        yield from _named(pid + OF_CARDS + number, f"{run.place}: card {uuid}")
        inside = [each for each in samples if first <= each.monotonic_ns <= last]
        yield from _card(inside, pid + OF_CARDS + number)


def _named(pid: int, name: str) -> Iterator[Event]:
    yield {"name": "process_name", "ph": "M", "pid": pid, "args": {"name": name}}
    yield {"name": "process_sort_index", "ph": "M", "pid": pid, "args": {"sort_index": pid}}


def _queries(stamps: Sequence[Stamps], pid: int) -> Iterator[Event]:
    """Each query in the first lane that is free, its phases inside."""
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    lanes = 0
    for each in stamps:
        while busy and busy[0][0] <= each.begin:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            lanes += 1
            free.append(lanes)
        lane = heapq.heappop(free)
        heapq.heappush(busy, (each.end, lane))
        yield from _query(each, pid, lane)
    for lane in range(1, lanes + 1):
        name = {"name": f"lane {lane}"}
        yield {"name": "thread_name", "ph": "M", "pid": pid, "tid": lane, "args": name}


def _query(each: Stamps, pid: int, lane: int) -> Iterator[Event]:
    row = each.row
    args = {
        name: row[name]
        for name in ("seq", "sample_index", "tokens_in", "tokens_out", "state", "failure")
        if row[name] is not None
    }
    yield _slice(f"query {row['seq']}", "query", each.begin, each.end, pid, lane) | {"args": args}
    for name, begin, end in each.phases():
        yield _slice(name, "phase", begin, end, pid, lane)


def _slice(name: str, category: str, begin: int, end: int, pid: int, lane: int) -> Event:
    return {
        "name": name,
        "cat": category,
        "ph": "X",
        "ts": begin,
        "dur": _us(end - begin),
        "pid": pid,
        "tid": lane,
    }


def _counters(stamps: Sequence[Stamps], pid: int) -> Iterator[Event]:
    """What the ledger tells of the engine at each moment: one event where a count changes."""
    changes: list[tuple[int, str, int]] = []
    for each in stamps:
        first = each.done if each.first is None else each.first
        tokens = each.row["tokens_in"] or 0
        for name, size in ((COUNTERS[0], 1), (COUNTERS[2], tokens)):
            changes += [(each.issued, name, size), (first, name, -size)]
        changes += [(first, COUNTERS[1], 1), (each.done, COUNTERS[1], -1)]
    for name in COUNTERS:
        total = 0
        for at, by in _summed((at, by) for at, its, by in changes if its == name):
            total += by
            yield _count(name, at, {"value": total}, pid)


def _summed(changes: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """One change for each moment at which something did change."""
    found: dict[int, int] = {}
    for at, by in changes:
        found[at] = found.get(at, 0) + by
    return ((at, by) for at, by in sorted(found.items()) if by)


def _count(name: str, at: int, values: dict[str, int | float], pid: int) -> Event:
    return {"name": name, "ph": "C", "ts": at, "pid": pid, "args": values}


def _card(samples: Sequence[CardSample], pid: int) -> Iterator[Event]:
    for each in samples:
        for name, value in (
            ("clock MHz", each.sm_mhz),
            ("power W", None if each.power_mw is None else each.power_mw / 1000),
            ("busy %", each.busy_percent),
        ):
            if value is not None:
                yield _count(name, each.monotonic_ns, {"value": value}, pid)
