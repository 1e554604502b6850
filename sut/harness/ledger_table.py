"""A ledger's rows as a table: all of a closed one, or those that changed."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sut.engines.base import NO_REPLICA
from sut.harness.ledger import FINISH_REASONS, NO_TIME, Ledger, State

Seqs = npt.NDArray[np.int64]
FINISH_WORDS = pa.array(FINISH_REASONS, pa.string())
STATE_NAMES = pa.array([state.name.lower() for state in State])


@dataclass(frozen=True)
class Rows:
    """Some rows of a ledger as they stood at one moment, by column; nothing of the ledger's own.

    Attributes:
        numbers: columns of numbers, one entry a row.
        failures: of each row; None where there is none.
    """

    numbers: dict[str, npt.NDArray[Any]]
    failures: list[str | None]

    def table(self, prompt_tokens: npt.NDArray[np.int64]) -> pa.Table:
        """Times in ns of this host's monotonic clock, null if missing.

        Args:
            prompt_tokens: tokens of each prompt, by sample index.
        """
        of = self.numbers
        unanswered = of["tokens_out"] == 0
        columns: dict[str, Any] = {
            "seq": of["seq"],
            "sample_index": of["sample_index"].astype(np.int64),
            "issued_ns": of["issued_ns"],
            "first_token_ns": _times(of["first_token_ns"]),
            "done_ns": _times(of["done_ns"]),
            "tokens_in": prompt_tokens[of["sample_index"]].astype(np.int32),
            "tokens_out": pa.array(of["tokens_out"], mask=unanswered),
            "state": STATE_NAMES.take(pa.array(of["state"])),
            "finish_reason": FINISH_WORDS.take(pa.array(of["finish_reason"])),
            "failure": pa.array(self.failures, pa.string()),
            "replica": pa.array(of["replica"].astype(np.int32), mask=of["replica"] == NO_REPLICA),
            "last_token": pa.array(of["last_token"], mask=unanswered),
            "answer_crc": pa.array(of["answer_crc"], mask=unanswered),
        }
        return pa.table(columns)


def _times(values: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(values, mask=values == NO_TIME)


def rows_of(ledger: Ledger, seqs: Seqs) -> Rows:
    """Copy these rows.

    No view of the ledger outlives the call: an array that somebody looks into cannot grow.
    """

    def at(column: array[int] | bytearray, kind: type[np.generic]) -> npt.NDArray[Any]:
        return np.frombuffer(column, kind)[seqs] if len(seqs) else np.empty(0, kind)

    numbers = {
        "seq": seqs,
        "sample_index": at(ledger.sample_index, np.uint32),
        "issued_ns": at(ledger.issued_ns, np.int64),
        "first_token_ns": at(ledger.first_token_ns, np.int64),
        "done_ns": at(ledger.done_ns, np.int64),
        "tokens_out": at(ledger.tokens_out, np.int32),
        "last_token": at(ledger.last_token, np.int32),
        "answer_crc": at(ledger.answer_crc, np.uint32),
        "state": at(ledger.state, np.uint8),
        "finish_reason": at(ledger.finish_reason, np.uint8),
        "replica": at(ledger.replica, np.int16),
    }
    failures = [ledger.failure.get(seq) for seq in seqs.tolist()]
    return Rows(numbers, failures)


def table_of(ledger: Ledger, prompt_tokens: npt.NDArray[np.int64]) -> pa.Table:
    """One row per sample.

    Args:
        ledger: closed, or as far as it came.
        prompt_tokens: tokens of each prompt, by sample index.
    """
    return rows_of(ledger, np.arange(ledger.issued, dtype=np.int64)).table(prompt_tokens)
