"""Rows of breakages.py on answers, on the ledger by itself, on times and on the trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

from tests.unit.result.sessions import edit_ledger
from tests.unit.rules.changes import (
    Change,
    config_json,
    detail_value,
    drop_columns,
    entries,
    ledger_json,
    logged,
    row,
    traced,
)


def stretch(rows: list[dict[str, Any]]) -> None:
    """Every query twice as far from the first as it was, each as fast as it was."""
    first = rows[0]["issued_ns"]
    for each in rows:
        by_ns = each["issued_ns"] - first
        for name in ("issued_ns", "first_token_ns", "done_ns"):
            each[name] += by_ns


def slower(rows: list[dict[str, Any]]) -> None:
    """The ledger of a slower run: every answer took 40 ms more."""
    for each in rows:
        each["done_ns"] += 40_000_000


def ledger(change: Any) -> Change:
    def apply(folder: Path) -> None:
        edit_ledger(folder, change)

    return apply


def issued_back(rows: list[dict[str, Any]]) -> None:
    """One query a nanosecond before the one that was issued before it."""
    rows[3]["issued_ns"] = rows[2]["issued_ns"] - 1


def goes_on(folder: Path) -> None:
    """Ledger and log agree on an answer that has the end id twice."""
    logged(0, data=ON)(folder)
    row(6, answer_crc=crc32(bytes.fromhex(ON)))(folder)


CRC = "answer_crc"
# Sample 0 of the accuracy recording is query 6: tokens 5, 6 and the end id 0.
DATA, OTHER, ON = "050000000600000000000000", "050000000700000000000000", "050000000000000000000000"

BROKEN_ANSWERS: list[tuple[str, str, Change, tuple[str, ...]]] = [
    ("late-events", "server", ledger_json(late_events=1), ()),
    ("late-events", "accuracy", ledger_json(late_events=100_000), ()),
    ("answers-end", "server", row(3, finish_reason="length"), ()),
    ("answers-end", "server", row(3, last_token=5), ()),
    ("answers-end", "server", row(3, finish_reason="abort"), ()),
    ("answers-end", "offline", config_json("generation", max_tokens=7), ("longest-answer",)),
    ("answers-end", "offline", config_json("generation", min_tokens=4), ()),
    ("answers-end", "server_with_errors", row(99, last_token=5), ()),
    ("answers-end", "server_with_errors", row(99, state="succeeded"), ("no-errors",)),
    # That it has last tokens, the ledger cannot take back.
    ("answers-end", "server", drop_columns("last_token"), ("ledger-as-counted", "answers-logged")),
    ("ledger-in-order", "server", row(3, seq=500), ("trace-agrees", "two-clocks")),
    ("ledger-in-order", "server", row(3, first_token_ns=None), ()),
    ("ledger-in-order", "offline", row(3, first_token_ns=2**40), ()),
    ("ledger-in-order", "server", row(3, sample_index=48), ("trace-agrees",)),
    ("ledger-in-order", "server", row(3, failure="died"), ()),
    ("ledger-in-order", "offline", ledger(issued_back), ()),
    ("ledger-in-order", "server", row(3, answer_crc=None), ()),
    ("ledger-in-order", "server_with_errors", row(17, finish_reason="stop"), ()),
    ("ledger-in-order", "server_with_errors", row(17, failure=None), ()),
    (
        "ledger-in-order",
        "server_with_errors",
        row(17, state="gone"),
        ("samples-ended", "no-errors"),
    ),
    ("answers-logged", "accuracy", logged(0, data=OTHER), ()),
    ("answers-logged", "accuracy", logged(0, data=ON), ()),
    ("answers-logged", "accuracy", logged(0, data=DATA + "00000000"), ()),
    ("answers-logged", "accuracy", logged(0, token_count=4), ()),
    ("answers-logged", "accuracy", logged(0, qsl_idx=1), ()),
    ("answers-logged", "accuracy", logged(0, seq_id=48), ()),
    ("answers-logged", "accuracy", logged(0, token_data="07000000"), ()),
    ("answers-logged", "accuracy", entries(lambda found: found[1:]), ()),
    ("answers-logged", "accuracy", entries(lambda found: [*found, found[0]]), ()),
    ("answers-logged", "accuracy", entries(lambda found: [found[0], *found]), ()),
    ("answers-logged", "accuracy", entries(lambda found: found[::-1]), ()),
    ("answers-logged", "accuracy", goes_on, ()),
    ("answers-logged", "accuracy", entries(lambda found: [*found, "garbage"]), ()),
    ("answers-logged", "accuracy", row(6, answer_crc=0), ()),
    ("answers-logged", "accuracy", drop_columns(CRC), ("ledger-as-counted", "answers-end")),
    ("answers-logged", "compliance", logged(5, data=OTHER), ()),
    ("answers-logged", "compliance", logged(5, token_data="07000000"), ()),
    ("answers-logged", "compliance", entries(lambda found: []), ()),
    ("answers-logged", "compliance", row(6, answer_crc=0), ()),
    (
        "answers-logged",
        "offline",
        entries(lambda _: [{"seq_id": 0, "qsl_idx": 34, "data": DATA}]),
        (),
    ),
    ("two-clocks", "offline", ledger(slower), ("trace-agrees",)),
    ("two-clocks", "server", ledger(stretch), ()),
    (
        "two-clocks",
        "server",
        detail_value("result_scheduled_samples_per_sec", "97.071"),
        ("logs-agree",),
    ),
    (
        "two-clocks",
        "singlestream",
        detail_value("result_90.00_percentile_latency_ns", "3900000"),
        ("logs-agree", "times-in-order"),
    ),
    (
        "two-clocks",
        "offline",
        detail_value("result_min_latency_ns", "1"),
        ("logs-agree",),
    ),
    (
        "two-clocks",
        "server",
        detail_value("result_time_to_output_token_max", str(10**10)),
        ("logs-agree",),
    ),
    ("trace-agrees", "server", traced('"sample_idx":34', '"sample_idx":35'), ()),
    ("trace-agrees", "server", traced('"sample_seq":7,', '"sample_seq":700,'), ()),
    ("trace-agrees", "accuracy", traced('"sample_seq":7,', '"sample_seq":700,'), ()),
]
