"""Reads mlperf_log_trace.json: LoadGen's own stamps of every query, where the trace is on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

TRACE_NAME = "mlperf_log_trace.json"

# The trace is not valid JSON ("key":""loadgen_version""): read it line by line. Times are
# microseconds with three decimals, so digits without the point are whole nanoseconds. A number
# of more digits than 64 bits have is nobody's time.
SAMPLE = re.compile(
    rb'\{"name":"Sample","cat":"default","ph":"b",.*?"ts":(\d{1,15})\.(\d{3}),"args":\{'
    rb'"sample_seq":(\d{1,18}),"query_seq":\d+,"sample_idx":(\d{1,18}),'
    rb'"issue_start_ns":(-?\d{1,18}),"complete_ns":(-?\d{1,18})\}\}'
)
FIRST_TOKEN = re.compile(
    rb'\{"name":"Token_Latency",\s*"ph":\s*"C",.*?"ts":(\d{1,15})\.(\d{3}),"args":\{\s*'
    rb'"issue_delay":(-?\d{1,18}),"issue_to_done":(-?\d{1,18})\}\}'
)


@dataclass(frozen=True)
class Traced:
    """LoadGen's stamps of one query, from its origin."""

    sample_index: int
    scheduled_ns: int
    issued_ns: int
    done_ns: int
    line: int


@dataclass(frozen=True)
class Trace:
    """What the trace says, by sequence number and by scheduled time."""

    samples: dict[int, Traced]
    first_token_ns: dict[int, int | None]
    """Scheduled time → first token; None where two queries share a scheduled time."""


def read_trace(path: Path) -> Trace:
    """Read LoadGen's trace as far as it goes; an absent or empty one holds nothing."""
    samples: dict[int, Traced] = {}
    first: dict[int, int | None] = {}
    shared: set[int] = set()
    seen: set[int] = set()
    if not path.is_file():
        return Trace(samples, first)
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if match := SAMPLE.match(line):
                scheduled, seq, index, issue, done = _numbers(match)
                samples[seq] = Traced(index, scheduled, scheduled + issue, scheduled + done, number)
                (shared if scheduled in seen else seen).add(scheduled)
            elif match := FIRST_TOKEN.match(line):
                scheduled, delay, rest = _numbers(match)
                first[scheduled] = scheduled + delay + rest
    return Trace(samples, first | dict.fromkeys(shared & first.keys()))


def _numbers(match: re.Match[bytes]) -> tuple[int, ...]:
    whole, fraction, *rest = match.groups()
    return (int(whole + fraction), *(int(text) for text in rest))
