"""LoadGen's trace line by line, and each way in which it may contradict the ledger."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from sut.logs.trace import TRACE_NAME, Traced, read_trace
from sut.rules.clocks import EARLIER_NS, later_ns
from sut.rules.traces import trace_agrees

MS = 1_000_000
LATER = later_ns(2)


def sample(seq: int, index: int, due_ns: int, delay_ns: int, latency_ns: int) -> str:
    """A query's line: due, issued `delay_ns` later, done `latency_ns` after it was due."""
    return (
        f'{{"name":"Sample","cat":"default","ph":"b","pid":1,"tid":2,'
        f'"ts":{due_ns // 1000}.{due_ns % 1000:03d},"args":{{"sample_seq":{seq},"query_seq":{seq},'
        f'"sample_idx":{index},"issue_start_ns":{delay_ns},"complete_ns":{latency_ns}}}}},\n'
    )


def first_token(due_ns: int, delay_ns: int, rest_ns: int) -> str:
    return (
        f'{{"name":"Token_Latency","ph":"C","pid":1,'
        f'"ts":{due_ns // 1000}.{due_ns % 1000:03d},"args":{{"issue_delay":{delay_ns},'
        f'"issue_to_done":{rest_ns}}}}},\n'
    )


TRACE = (
    '{"traceEvents":[\n',
    sample(0, 7, 1_000_005, 10, 5 * MS),
    first_token(1_000_005, 10, 2 * MS - 10),
    sample(1, 3, 2_000_000, 20, 6 * MS),
    first_token(2_000_000, 20, 3 * MS - 20),
)
# The ledger's clock begins elsewhere; what it times is what the trace does.
ORIGIN = 50 * MS
ROWS = [
    {"seq": 0, "sample_index": 7, "issued_ns": ORIGIN + 1_000_015,
     "first_token_ns": ORIGIN + 1_000_015 + 2 * MS, "done_ns": ORIGIN + 1_000_015 + 5 * MS},
    {"seq": 1, "sample_index": 3, "issued_ns": ORIGIN + 2_000_020,
     "first_token_ns": ORIGIN + 2_000_020 + 3 * MS, "done_ns": ORIGIN + 2_000_020 + 6 * MS},
]  # fmt: skip


def test_a_trace_is_read_line_by_line(tmp_path: Path) -> None:
    (tmp_path / TRACE_NAME).write_text("".join(TRACE))
    trace = read_trace(tmp_path / TRACE_NAME)
    assert trace.samples == {
        0: Traced(7, 1_000_005, 1_000_015, 6_000_005, 2),
        1: Traced(3, 2_000_000, 2_000_020, 8_000_000, 4),
    }
    assert trace.first_token_ns == {1_000_005: 3_000_005, 2_000_000: 5_000_000}


def test_first_tokens_of_queries_that_were_due_at_once_are_nobodys(tmp_path: Path) -> None:
    lines = (*TRACE, sample(2, 4, 2_000_000, 0, MS), sample(3, 4, 3_000_000, 0, MS))
    (tmp_path / TRACE_NAME).write_text("".join(lines))
    found = read_trace(tmp_path / TRACE_NAME).first_token_ns
    assert found == {1_000_005: 3_000_005, 2_000_000: None}
    assert read_trace(tmp_path / "absent").samples == {}


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000])
def test_a_number_that_no_clock_has_is_nobodys_time(tmp_path: Path, digits: str) -> None:
    lines = "".join(TRACE).replace('"complete_ns":5000000', f'"complete_ns":{digits}')
    assert digits in lines
    (tmp_path / TRACE_NAME).write_text(lines)
    assert read_trace(tmp_path / TRACE_NAME).samples.keys() == {1}


def judged(folder: Path, rows: list[dict[str, Any]] | None, *lines: str, **case: Any) -> list[Any]:
    if lines:
        (folder / TRACE_NAME).write_text("".join(lines))
    evidence = SimpleNamespace(
        directory=folder,
        ledger=None if rows is None else pa.Table.from_pylist(rows),
        run=SimpleNamespace(log_sha256=case.get("hashes", {})),
        config=SimpleNamespace(loadgen=SimpleNamespace(enable_trace=case.get("asked", True))),
    )
    any_case: Any = SimpleNamespace(evidence=evidence)
    return [each.measured for each in trace_agrees.checks(any_case)]


def changed(**values: Any) -> list[dict[str, Any]]:
    """The second row has other values."""
    return [ROWS[0], ROWS[1] | values]


ISSUED, FIRST, DONE = (ROWS[1][name] for name in ("issued_ns", "first_token_ns", "done_ns"))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (ROWS, "none"),
        (changed(sample_index=4), "query 1 asks for sample 3, not 4"),
        (changed(seq=2), "query 1 is not in the ledger, 1 more"),
        (ROWS[:1], "query 1 is not in the ledger"),
        (changed(done_ns=DONE + EARLIER_NS), "none"),
        (changed(done_ns=DONE + EARLIER_NS + 1),
         f"query 1 has a latency of 6.000 ms, not {6 + (EARLIER_NS + 1) / MS:.3f} ms"),
        (changed(done_ns=DONE - LATER), "none"),
        (changed(done_ns=DONE - LATER - 1),
         f"query 1 has a latency of 6.000 ms, not {6 - (LATER + 1) / MS:.3f} ms"),
        (changed(first_token_ns=FIRST - LATER - 1),
         f"query 1 has a TTFT of 3.000 ms, not {3 - (LATER + 1) / MS:.3f} ms"),
        (changed(done_ns=None, first_token_ns=None), "none"),
        (changed(issued_ns=ISSUED - LATER, first_token_ns=None, done_ns=None), "none"),
        (changed(issued_ns=ISSUED - LATER - 1, first_token_ns=None, done_ns=None),
         "query 1 was issued at another time"),
        (changed(issued_ns=ISSUED + LATER + 1, first_token_ns=None, done_ns=None),
         "query 1 was issued at another time"),
        (None, None),
    ],
)  # fmt: skip
def test_each_contradiction_is_told(
    tmp_path: Path, rows: list[dict[str, Any]] | None, said: str | None
) -> None:
    assert judged(tmp_path, rows, *TRACE) == [said]


def test_a_query_that_the_trace_lacks_is_told_and_the_others_are_judged(tmp_path: Path) -> None:
    rows = [*ROWS, ROWS[1] | {"seq": 2}, ROWS[1] | {"seq": 3}]
    assert judged(tmp_path, rows, *TRACE) == ["query 2 is not in the trace, 1 more"]


def test_a_trace_is_asked_for_where_it_was_on(tmp_path: Path) -> None:
    assert judged(tmp_path, ROWS, asked=False) == []
    assert judged(tmp_path, ROWS) == ["query 0 is not in the trace, 1 more"]
    assert judged(tmp_path, ROWS, hashes={TRACE_NAME: "0"}) == []
    assert judged(tmp_path, ROWS, *TRACE, asked=False) == ["none"]
    assert judged(tmp_path, ROWS, *TRACE, hashes={TRACE_NAME: "0"}) == ["none"]
