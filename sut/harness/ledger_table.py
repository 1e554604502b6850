"""A closed ledger as files: one row per sample, and the counts for `run.json`."""

from __future__ import annotations

from array import array
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sut.engines.base import NO_REPLICA
from sut.harness.ledger import NO_TIME, Ledger, State
from sut.record.facts import FailureGroup, LedgerFacts, ReplicaFacts


def _times(values: array[int]) -> pa.Array:
    column = np.frombuffer(values, np.int64) if values else np.empty(0, np.int64)
    return pa.array(column, mask=column == NO_TIME)


def write_table(ledger: Ledger, prompt_tokens: npt.NDArray[np.int64], path: Path) -> None:
    """Write one row per sample.

    Args:
        ledger: closed, or as far as it came.
        prompt_tokens: tokens of each prompt, by sample index.
        path: a new parquet file; times in ns of this host's monotonic clock, null if missing.
    """
    n = ledger.issued
    index = np.array(ledger.sample_index, np.int64)
    ended = np.frombuffer(ledger.state, np.uint8) if n else np.empty(0, np.uint8)
    tokens = np.array(ledger.tokens_out, np.int32)
    replica = np.array(ledger.replica, np.int32)
    names = np.array([state.name.lower() for state in State], dtype=object)
    columns: dict[str, Any] = {
        "seq": np.arange(n, dtype=np.int64),
        "sample_index": index,
        "issued_ns": np.array(ledger.issued_ns, np.int64),
        "first_token_ns": _times(ledger.first_token_ns),
        "done_ns": _times(ledger.done_ns),
        "tokens_in": prompt_tokens[index].astype(np.int32) if n else np.empty(0, np.int32),
        "tokens_out": pa.array(tokens, mask=tokens == 0),
        "state": pa.array(names[ended], pa.string()),
        "finish_reason": pa.array([ledger.finish_reason.get(i) for i in range(n)], pa.string()),
        "failure": pa.array([ledger.failure.get(i) for i in range(n)], pa.string()),
        "replica": pa.array(replica, mask=replica == NO_REPLICA),
    }
    pq.write_table(pa.table(columns), path)


def ledger_facts(ledger: Ledger, prompt_tokens: npt.NDArray[np.int64]) -> LedgerFacts:
    """The counts of a ledger in which nothing is outstanding any more."""
    reasons: dict[str, list[int]] = {}
    for seq, reason in ledger.failure.items():
        reasons.setdefault(reason, []).append(seq)
    done = [done_ns for done_ns in ledger.done_ns if done_ns != NO_TIME]
    return LedgerFacts(
        issued=ledger.issued,
        succeeded=ledger.count[State.SUCCEEDED],
        failed=ledger.count[State.FAILED],
        empty=ledger.count[State.EMPTY],
        late_events=ledger.late_events,
        tokens_in=int(prompt_tokens[np.array(ledger.sample_index, np.int64)].sum()),
        tokens_out=ledger.tokens_out_total,
        first_issue_ns=min(ledger.issued_ns, default=None),
        last_done_ns=max(done, default=None),
        finish_reasons=dict(Counter(ledger.finish_reason.values())),
        failures=[
            FailureGroup(reason=reason, count=len(seqs), first_seq=min(seqs))
            for reason, seqs in sorted(reasons.items(), key=lambda item: -len(item[1]))
        ],
        replicas=_replicas(ledger),
    )


def _replicas(ledger: Ledger) -> list[ReplicaFacts]:
    replica = np.array(ledger.replica, np.int64)
    tokens = np.array(ledger.tokens_out, np.int64)
    failed = np.frombuffer(ledger.state, np.uint8) == State.FAILED if ledger.issued else replica > 0
    done_ns = np.array(ledger.done_ns, np.int64)
    return [
        ReplicaFacts(
            replica=str(number),
            samples=int((replica == number).sum()),
            tokens_out=int(tokens[replica == number].sum()),
            failed=int(failed[replica == number].sum()),
            last_done_ns=_latest(done_ns[replica == number]),
        )
        for number in np.unique(replica)
        if number != NO_REPLICA
    ]


def _latest(done_ns: npt.NDArray[np.int64]) -> int | None:
    latest = int(done_ns.max(initial=NO_TIME))
    return None if latest == NO_TIME else latest
