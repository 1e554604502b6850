"""Reads ledger.parquet, our own record of every query.

Times are whole nanoseconds of the host's monotonic clock; null means that it did not happen.
pyarrow ships no types: `Any` stands for its tables and arrays here.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from sut.config.quantities import MOST_REPLICAS
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

_WORDS = ("state", "finish_reason", "failure")
_WIDTHS = {"tokens_in": "int32", "tokens_out": "int32", "replica": "int32",
           "last_token": "int32", "answer_crc": "uint32"}  # fmt: skip
# What every row has from its first moment.
_OF_EACH = ("seq", "sample_index", "issued_ns", "state")
MOST_ROWS = 50_000_000
"""Above any honest run; a file of kilobytes can say that it has as many as it likes."""
MOST_REPLICA = MOST_REPLICAS - 1

STATES = ("succeeded", "empty", "failed", "outstanding")


def read_ledger(path: Path) -> Any:
    """The ledger as a pyarrow table, in order of `seq`.

    Raises:
        LogError: missing, not Parquet, or a column is absent or not as the harness writes it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_given(path) as stream:
            file = pq.ParquetFile(stream)
            if file.metadata.num_rows > MOST_ROWS:
                raise _unlike(f"has {file.metadata.num_rows} rows, at most {MOST_ROWS}", path)
            table = file.read()
    except (OSError, pa.ArrowException) as error:
        first = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise _unlike(f"cannot be read: {first}", path) from error
    return as_written(table, path).sort_by("seq")


def as_written(table: Any, path: Path) -> Any:
    """The columns that the harness writes, each in its own type.

    Whoever reads a ledger takes them as they are, so that one of another type is refused here.

    Raises:
        LogError: naming the column that is absent, there twice, or not as the harness writes it.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    absent = [name for name in COLUMNS if name not in table.column_names]
    if absent:
        raise _unlike(f"has no column {', '.join(absent)}", path)
    kept = [*COLUMNS, *(name for name in ANSWER_COLUMNS if name in table.column_names)]
    for name in kept:
        if table.column_names.count(name) > 1:
            raise _unlike(f"has the column {name} more than once", path)
        if name in _OF_EACH and table[name].null_count:
            raise _unlike(f"has rows without {name}", path)
    columns = {name: _of_kind(table[name], name, path) for name in kept}
    ends = pc.min_max(columns["replica"]).as_py()
    if ends["min"] is not None and not 0 <= ends["min"] <= ends["max"] <= MOST_REPLICA:
        raise _unlike(f"has a replica that is not 0 to {MOST_REPLICA}", path)
    return pa.table(columns)


def _of_kind(column: Any, name: str, path: Path) -> Any:
    """Words stay words and whole numbers whole numbers, of the width that the harness writes."""
    import pyarrow as pa

    kind, words = column.type, name in _WORDS
    fits = pa.types.is_string(kind) if words else pa.types.is_integer(kind)
    wanted = "string" if words else _WIDTHS.get(name, "int64")
    try:
        if not fits:
            raise _unlike(f"has {kind} in its column {name}, must have {wanted}", path)
        return column.cast(wanted)
    except pa.ArrowException as error:
        raise _unlike(f"has a number in its column {name} that is no {wanted}", path) from error


def _unlike(what: str, path: Path) -> LogError:
    return LogError(
        f"the ledger {what}.",
        where=str(path),
        remedy="Restore the file from the run; it cannot be rebuilt.",
    )


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
