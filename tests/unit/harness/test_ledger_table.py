"""A closed ledger's rows and counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from sut.engines.base import Failed, Finished, FirstToken
from sut.harness.ledger import Ledger
from sut.harness.ledger_table import table_of
from sut.record.answer import AnswerBounds
from sut.record.ledger_file import counted, ledger_bytes, read_ledger

PROMPT_TOKENS = np.array([10, 20, 30, 40], np.int64)
BOUNDS = AnswerBounds(max_tokens=2, min_tokens=1, end_ids=frozenset({2}))
ANSWER = np.array([5, 6], np.int32).tobytes()


def write_table(book: Ledger, prompt_tokens: npt.NDArray[np.int64], path: Path) -> Any:
    """As a run writes it."""
    table = table_of(book, prompt_tokens)
    path.write_bytes(ledger_bytes(table))
    return table


def closed() -> Ledger:
    """One answered by replica 1, one that failed on replica 0, two that nobody answers for."""
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    book.issue(0, [0, 1, 2, 3], issued_ns=100)
    book.apply([Finished(0, ANSWER, "length", 1), Failed(1, "died", 0)], now_ns=200)
    book.fail_outstanding("the engine is gone", now_ns=300)
    return book


def test_samples_that_no_replica_is_known_to_have_had_are_nobody_s(tmp_path: Path):
    written = write_table(closed(), PROMPT_TOKENS, tmp_path / "ledger.parquet")
    shares = {each.replica: each for each in counted(written, 0).replicas}
    assert {name: (each.samples, each.failed) for name, each in shares.items()} == {
        "0": (1, 1),
        "1": (1, 0),
    }
    assert shares["0"].last_done_ns == 200
    rows = pq.read_table(tmp_path / "ledger.parquet").to_pydict()
    assert rows["replica"] == [1, 0, None, None]
    assert rows["last_token"] == [6, None, None, None]
    assert rows["answer_crc"] == [crc32(ANSWER), None, None, None]
    assert rows["state"] == ["succeeded", "failed", "failed", "failed"]


def test_each_column_holds_what_the_ledger_does(tmp_path: Path):
    book = Ledger(reports_first_token=True, bounds=BOUNDS)
    book.issue(0, [3], issued_ns=100)
    book.issue(1, [1, 2], issued_ns=110)
    book.apply([FirstToken(0, 5), Failed(2, "died")], now_ns=150)
    book.apply([Finished(0, ANSWER, "length")], now_ns=200)
    write_table(book, PROMPT_TOKENS, tmp_path / "ledger.parquet")
    table = pq.read_table(tmp_path / "ledger.parquet")
    assert table.to_pydict() == {
        "seq": [0, 1, 2],
        "sample_index": [3, 1, 2],
        "issued_ns": [100, 110, 110],
        "first_token_ns": [150, None, None],
        "done_ns": [200, None, 150],
        "tokens_in": [40, 20, 30],
        "tokens_out": [2, None, None],
        "state": ["succeeded", "outstanding", "failed"],
        "finish_reason": ["length", None, None],
        "failure": [None, None, "died"],
        "replica": [0, None, 0],
        "last_token": [6, None, None],
        "answer_crc": [crc32(ANSWER), None, None],
    }
    assert read_ledger(tmp_path / "ledger.parquet").equals(table)


def test_the_only_replica_had_them_all(tmp_path: Path):
    book = Ledger(reports_first_token=False, bounds=BOUNDS, replica=0)
    book.issue(0, [0, 1], issued_ns=100)
    book.fail_outstanding("the engine is gone", now_ns=300)
    (only,) = counted(write_table(book, PROMPT_TOKENS, tmp_path / "a.parquet"), 0).replicas
    assert (only.replica, only.samples, only.failed) == ("0", 2, 2)


def test_every_count_is_taken_from_the_rows(tmp_path: Path):
    written = write_table(closed(), PROMPT_TOKENS, tmp_path / "ledger.parquet")
    facts = counted(written, 7)
    assert facts.model_dump(exclude={"failures", "replicas"}) == {
        "issued": 4, "succeeded": 1, "failed": 3, "empty": 0, "late_events": 7,
        "answers_recorded": True, "tokens_in": 100, "tokens_out": 2, "first_issue_ns": 100,
        "last_done_ns": 300, "finish_reasons": {"length": 1},
    }  # fmt: skip
    assert [(each.reason, each.count, each.first_seq) for each in facts.failures] == [
        ("the engine is gone", 2, 2),
        ("died", 1, 1),
    ]


def test_failures_are_listed_by_how_many_there_are_then_by_reason(tmp_path: Path):
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    book.issue(0, [0, 1, 2, 3], issued_ns=100)
    reasons = ("zeal", "awe", "often", "often")
    book.apply([Failed(seq, reason) for seq, reason in enumerate(reasons)], now_ns=150)
    facts = counted(write_table(book, PROMPT_TOKENS, tmp_path / "ledger.parquet"), 0)
    assert [each.reason for each in facts.failures] == ["often", "awe", "zeal"]


def test_of_no_samples_there_is_nothing_to_count(tmp_path: Path):
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    facts = counted(write_table(book, PROMPT_TOKENS, tmp_path / "ledger.parquet"), 0)
    assert (facts.issued, facts.tokens_in, facts.first_issue_ns) == (0, 0, None)
    assert (facts.finish_reasons, facts.failures, facts.replicas) == ({}, [], [])
