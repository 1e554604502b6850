"""A closed ledger as a file: one row per sample."""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sut.engines.base import NO_REPLICA
from sut.harness.ledger import NO_TIME, Ledger, State


def _times(values: array[int]) -> pa.Array:
    column = np.frombuffer(values, np.int64)
    return pa.array(column, mask=column == NO_TIME)


def write_table(ledger: Ledger, prompt_tokens: npt.NDArray[np.int64], path: Path) -> pa.Table:
    """Write one row per sample; return what was written.

    Args:
        ledger: closed, or as far as it came.
        prompt_tokens: tokens of each prompt, by sample index.
        path: a new parquet file; times in ns of this host's monotonic clock, null if missing.
    """
    n = ledger.issued
    index = np.array(ledger.sample_index, np.int64)
    ended = np.frombuffer(ledger.state, np.uint8)
    tokens = np.array(ledger.tokens_out, np.int32)
    replica = np.array(ledger.replica, np.int32)
    names = np.array([state.name.lower() for state in State], dtype=object)
    columns: dict[str, Any] = {
        "seq": np.arange(n, dtype=np.int64),
        "sample_index": index,
        "issued_ns": np.array(ledger.issued_ns, np.int64),
        "first_token_ns": _times(ledger.first_token_ns),
        "done_ns": _times(ledger.done_ns),
        "tokens_in": prompt_tokens[index].astype(np.int32),
        "tokens_out": pa.array(tokens, mask=tokens == 0),
        "state": pa.array(names[ended], pa.string()),
        "finish_reason": pa.array([ledger.finish_reason.get(i) for i in range(n)], pa.string()),
        "failure": pa.array([ledger.failure.get(i) for i in range(n)], pa.string()),
        "replica": pa.array(replica, mask=replica == NO_REPLICA),
        "last_token": pa.array(np.array(ledger.last_token, np.int32), mask=tokens == 0),
        "answer_crc": pa.array(np.array(ledger.answer_crc, np.uint32), mask=tokens == 0),
    }
    table = pa.table(columns)
    pq.write_table(table, path)
    return table
