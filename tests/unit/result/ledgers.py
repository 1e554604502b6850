"""A ledger as pyarrow's table, with what the formulas read of it."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

BASE = 2**62  # no double holds the nanoseconds of such a stamp


def ledger(*rows: tuple[int, int | None, int | None, int | None, str]) -> Any:
    """Rows of issued, first token, done (ns after BASE), tokens out, state."""
    table: dict[str, list[Any]] = {
        "issued_ns": [BASE + row[0] for row in rows],
        "first_token_ns": [None if row[1] is None else BASE + row[1] for row in rows],
        "done_ns": [None if row[2] is None else BASE + row[2] for row in rows],
        "tokens_out": [row[3] for row in rows],
        "state": [row[4] for row in rows],
    }
    kinds = [pa.int64(), pa.int64(), pa.int64(), pa.int32(), pa.string()]
    return pa.table(
        {
            name: pa.array(values, kind)
            for (name, values), kind in zip(table.items(), kinds, strict=True)
        }
    )
