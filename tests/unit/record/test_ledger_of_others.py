"""A ledger or a journal whose columns are not as the harness writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sut.errors import LogError
from sut.record.journal import frame_of, read_journal
from sut.record.ledger_file import COLUMNS, read_ledger
from sut.result.build import build
from tests.unit.result.sessions import RECORDED, make_session

HONEST = pq.read_table(RECORDED / "server" / "ledger.parquet")
ROWS = HONEST.num_rows


def of(name: str, values: Any) -> Any:
    """The recorded ledger with another column of this name."""
    return HONEST.set_column(HONEST.column_names.index(name), name, values)


def written(table: Any, tmp_path: Path) -> Path:
    path = tmp_path / "ledger.parquet"
    pq.write_table(table, path)
    return path


KINDS: dict[str, Callable[[], Any]] = {
    "text": lambda: pa.array(["1"] * ROWS),
    "fractions": lambda: pa.array([1.5] * ROWS),
    "yes": lambda: pa.array([True] * ROWS),
    "lists": lambda: pa.array([[1]] * ROWS),
    "nothing": lambda: pa.nulls(ROWS),
    "times": lambda: pa.array([1] * ROWS, pa.timestamp("ns")),
    "bytes": lambda: pa.array([b"\xff"] * ROWS),
    "past 64 bits": lambda: pa.array([2**64 - 1] * ROWS, pa.uint64()),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_of_another_type_is_named(name: str, kind: str, tmp_path: Path) -> None:
    if KINDS[kind]().type == HONEST[name].type:
        return
    with pytest.raises(LogError, match=f"the ledger has .*{name}") as told:
        read_ledger(written(of(name, KINDS[kind]()), tmp_path))
    assert told.value.where == str(tmp_path / "ledger.parquet")


@pytest.mark.parametrize("name", ["seq", "sample_index", "issued_ns", "state"])
def test_what_every_row_has_is_missing_in_none(name: str, tmp_path: Path) -> None:
    values = [None, *HONEST[name].to_pylist()[1:]]
    with pytest.raises(LogError, match=f"has rows without {name}"):
        read_ledger(written(of(name, pa.array(values, HONEST[name].type)), tmp_path))


@pytest.mark.parametrize("number", [-1, 10_000, 2**31 - 1])
def test_a_replica_that_nobody_can_have_is_refused(number: int, tmp_path: Path) -> None:
    with pytest.raises(LogError, match="has a replica that is not 0 to 9999"):
        read_ledger(written(of("replica", pa.array([number] * ROWS, pa.int32())), tmp_path))


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="has the column seq more than once"):
        read_ledger(written(HONEST.append_column("seq", HONEST["seq"]), tmp_path))


def test_wider_and_narrower_numbers_are_the_same_numbers(tmp_path: Path) -> None:
    wide = of("tokens_out", HONEST["tokens_out"].cast(pa.int64()))
    narrow = wide.set_column(0, "seq", HONEST["seq"].cast(pa.int16()))
    assert read_ledger(written(narrow, tmp_path)).equals(HONEST.sort_by("seq"))


def test_a_run_with_such_a_ledger_is_invalid(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    pq.write_table(
        of("issued_ns", pa.array(["x"] * ROWS)), root / "Server/performance" / "ledger.parquet"
    )
    result = build(root)
    assert not result.valid


def test_a_frame_of_other_columns_ends_a_journal(tmp_path: Path) -> None:
    path = tmp_path / "ledger.journal"
    whole, bare = frame_of(HONEST.slice(0, 3)), frame_of(HONEST.slice(3, 2).select(list(COLUMNS)))
    for other in (HONEST.drop_columns(["seq"]), of("issued_ns", pa.array(["x"] * ROWS))):
        path.write_bytes(whole + bare + frame_of(other) + whole)
        rows = read_journal(path)
        assert rows is not None
        assert rows["seq"].to_pylist() == [0, 1, 2, 3, 4]
        path.write_bytes(frame_of(other))
        assert read_journal(path) is None
