"""Reads ledger.parquet, our own record of every query.

Times are whole nanoseconds of the host's monotonic clock; null means that it did not happen.
pyarrow ships no types: `Any` stands for its tables and arrays here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sut.errors import LogError

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
        table = pq.ParquetFile(path).read()
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
    return table.select(list(COLUMNS)).sort_by("seq")


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
