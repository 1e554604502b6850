"""Reads ledger.parquet, our own record of every query.

Times are whole nanoseconds of the host's monotonic clock; null means that it did not happen.
pyarrow ships no types: `Any` stands for its tables and arrays here.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from sut.errors import LogError
from sut.given_file import open_given
from sut.record.facts import FailureGroup, LedgerFacts, ReplicaFacts

COLUMNS = (
    "seq",
    "sample_index",
    "issued_ns",
    "first_token_ns",
    "done_ns",
    "tokens_in",
    "tokens_out",
    "state",
    "finish_reason",
    "failure",
    "replica",
)
ANSWER_COLUMNS = ("last_token", "answer_crc")
"""Of each answer its last token and the CRC-32 of its tokens' bytes; early ledgers lack them."""

STATES = ("succeeded", "empty", "failed", "outstanding")


def read_ledger(path: Path) -> Any:
    """The ledger as a pyarrow table, in order of `seq`.

    Raises:
        LogError: missing, not Parquet, or a column is absent.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    remedy = "Restore the file from the run; it cannot be rebuilt."
    try:
        with open_given(path) as stream:
            table = pq.ParquetFile(stream).read()
    except (OSError, pa.ArrowInvalid) as error:
        first = str(error).splitlines()[0]
        raise LogError(
            f"the ledger cannot be read: {first}.", where=str(path), remedy=remedy
        ) from error
    absent = [name for name in COLUMNS if name not in table.column_names]
    if absent:
        raise LogError(
            f"the ledger has no column {', '.join(absent)}.", where=str(path), remedy=remedy
        )
    kept = [*COLUMNS, *(name for name in ANSWER_COLUMNS if name in table.column_names)]
    return table.select(kept).sort_by("seq")


def has_answers(table: Any) -> bool:
    """Whether the ledger holds what proves an answer, beside its length."""
    return set(ANSWER_COLUMNS) <= set(table.column_names)


def counted(table: Any, late_events: int) -> LedgerFacts:
    """The counts of a ledger.

    Args:
        table: a ledger.
        late_events: they have no row, so they cannot be counted here.
    """
    import pyarrow.compute as pc

    states = count_states(table)
    return LedgerFacts(
        issued=table.num_rows,
        succeeded=states["succeeded"],
        failed=states["failed"],
        empty=states["empty"],
        late_events=late_events,
        answers_recorded=has_answers(table),
        tokens_in=pc.sum(table["tokens_in"]).as_py() or 0,
        tokens_out=pc.sum(table["tokens_out"]).as_py() or 0,
        first_issue_ns=pc.min(table["issued_ns"]).as_py(),
        last_done_ns=pc.max(table["done_ns"]).as_py(),
        finish_reasons=_by_value(table["finish_reason"]),
        failures=_failures(table),
        replicas=_replicas(table),
    )


def _by_value(column: Any) -> dict[str, int]:
    """How often each value is there; none of what is missing."""
    import pyarrow.compute as pc

    found = pc.value_counts(pc.drop_null(column)).to_pylist()
    return {each["values"]: each["counts"] for each in found}


def _failures(table: Any) -> list[FailureGroup]:
    groups: dict[str, list[int]] = {}
    for seq, reason in zip(table["seq"].to_pylist(), table["failure"].to_pylist(), strict=True):
        if reason is not None:
            groups.setdefault(reason, []).append(seq)
    return [
        FailureGroup(reason=reason, count=len(seqs), first_seq=min(seqs))
        for reason, seqs in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    ]


def _replicas(table: Any) -> list[ReplicaFacts]:
    import pyarrow.compute as pc

    found = []
    for number in sorted(pc.unique(pc.drop_null(table["replica"])).to_pylist()):
        mine = table.filter(pc.equal(table["replica"], number))
        found.append(
            ReplicaFacts(
                replica=str(number),
                samples=mine.num_rows,
                tokens_out=pc.sum(mine["tokens_out"]).as_py() or 0,
                failed=count_states(mine)["failed"],
                last_done_ns=pc.max(mine["done_ns"]).as_py(),
            )
        )
    return found


def count_states(table: Any) -> dict[str, int]:
    """Queries by state; every state has an entry."""
    import pyarrow.compute as pc

    counted = {
        entry["values"]: entry["counts"] for entry in pc.value_counts(table["state"]).to_pylist()
    }
    return {state: counted.pop(state, 0) for state in STATES} | counted


def longest_answer(table: Any) -> int | None:
    """Tokens of the longest answer, 0 without one; None without a ledger."""
    import pyarrow.compute as pc

    if table is None:
        return None
    longest: int | None = pc.max(table["tokens_out"]).as_py()
    return longest or 0


def ledger_bytes(table: Any) -> bytes:
    """What ledger.parquet holds for these rows."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
