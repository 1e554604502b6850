"""A closed ledger's rows and counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from sut.engines.base import Failed, Finished
from sut.harness.ledger import Ledger
from sut.harness.ledger_table import ledger_facts, write_table
from sut.record.answer import AnswerBounds

PROMPT_TOKENS = np.array([10, 20, 30, 40], np.int64)
BOUNDS = AnswerBounds(max_tokens=2, min_tokens=1, end_ids=frozenset({2}))
ANSWER = np.array([5, 6], np.int32).tobytes()


def closed() -> Ledger:
    """One answered by replica 1, one that failed on replica 0, two that nobody answers for."""
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    book.issue(0, [0, 1, 2, 3], issued_ns=100)
    book.apply([Finished(0, ANSWER, "length", 1), Failed(1, "died", 0)], now_ns=200)
    book.fail_outstanding("the engine is gone", now_ns=300)
    return book


def test_samples_that_no_replica_is_known_to_have_had_are_nobody_s(tmp_path: Path):
    book = closed()
    shares = {each.replica: each for each in ledger_facts(book, PROMPT_TOKENS).replicas}
    assert {name: (each.samples, each.failed) for name, each in shares.items()} == {
        "0": (1, 1),
        "1": (1, 0),
    }
    assert shares["0"].last_done_ns == 200
    write_table(book, PROMPT_TOKENS, tmp_path / "ledger.parquet")
    rows = pq.read_table(tmp_path / "ledger.parquet").to_pydict()
    assert rows["replica"] == [1, 0, None, None]
    assert rows["state"] == ["succeeded", "failed", "failed", "failed"]


def test_the_only_replica_had_them_all():
    book = Ledger(reports_first_token=False, bounds=BOUNDS, replica=0)
    book.issue(0, [0, 1], issued_ns=100)
    book.fail_outstanding("the engine is gone", now_ns=300)
    (only,) = ledger_facts(book, PROMPT_TOKENS).replicas
    assert (only.replica, only.samples, only.failed) == ("0", 2, 2)
