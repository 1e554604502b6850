"""What the ledger holds reaches the disk as it grows, and is read back as far as it is whole."""

from __future__ import annotations

import contextlib
import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytest

from sut.engines.base import Failed, Finished, FirstToken
from sut.errors import RunError
from sut.harness import journal
from sut.harness.journal import Changes, Journal, append
from sut.harness.ledger import Ledger
from sut.harness.ledger_table import table_of
from sut.record.answer import AnswerBounds
from sut.record.journal import HEAD, read_journal

PROMPT_TOKENS = np.array([10, 20, 30, 40], np.int64)
BOUNDS = AnswerBounds(max_tokens=2, min_tokens=1, end_ids=frozenset({2}))
ANSWER = np.array([5, 6], np.int32).tobytes()


def started(samples: int = 4) -> Ledger:
    book = Ledger(reports_first_token=True, bounds=BOUNDS, replica=0)
    book.issue(0, [each % 4 for each in range(samples)], issued_ns=100)
    return book


def kept(book: Ledger, path: Path) -> tuple[Journal, Changes]:
    changes = Changes(book)
    return Journal(changes.take, changes, PROMPT_TOKENS, path), changes


def read(path: Path) -> Any:
    found = read_journal(path)
    assert found is not None
    return found


def test_the_journal_of_a_closed_ledger_is_its_table(tmp_path: Path) -> None:
    book = started()
    keeping, _ = kept(book, tmp_path / "j")
    keeping.write()
    book.apply([FirstToken(1, 5), Finished(1, ANSWER, "length", 0)], now_ns=200)
    keeping.write()
    book.apply([Finished(0, ANSWER, "length", 0), Failed(3, "died", 0)], now_ns=250)
    book.issue(4, [2], issued_ns=260)
    keeping.write()
    book.fail_outstanding("the engine is gone", now_ns=300)
    keeping.write()
    assert read(tmp_path / "j").equals(table_of(book, PROMPT_TOKENS))


def test_what_did_not_change_is_not_written_again(tmp_path: Path) -> None:
    keeping, changes = kept(started(), tmp_path / "j")
    keeping.write()
    size = (tmp_path / "j").stat().st_size
    keeping.write()
    assert (tmp_path / "j").stat().st_size == size
    assert len(changes.take().numbers["seq"]) == 0


def test_so_many_rows_at_once_and_the_rest_later() -> None:
    book, taken = started(10), []
    changes = Changes(book)
    book.fail_outstanding("the engine is gone", now_ns=300)
    while len(rows := changes.take(most=4).numbers["seq"]):
        changes.written()
        taken.append(rows.tolist())
    assert taken == [[0, 1, 2, 3], [4, 5, 6, 7], [0, 1, 8, 9], [2, 3, 4, 5], [6, 7, 8, 9]]


@pytest.mark.parametrize("cut", [1, 7, 9, 200])
def test_a_frame_that_was_cut_off_is_left_out(tmp_path: Path, cut: int) -> None:
    book, path = started(), tmp_path / "j"
    keeping, _ = kept(book, path)
    keeping.write()
    whole = path.stat().st_size
    book.fail_outstanding("the engine is gone", now_ns=300)
    keeping.write()
    path.write_bytes(path.read_bytes()[: whole + cut])
    assert set(read(path)["state"].to_pylist()) == {"outstanding"}


def test_a_frame_with_other_bytes_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "j"
    kept(started(), path)[0].write()
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    assert read_journal(path) is None


def test_without_a_journal_there_are_no_rows(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "j") is None


def full_after(left: int) -> Callable[..., Any]:
    """Path.open of a disk that takes so many bytes more."""
    opened = Path.open

    class Full(io.FileIO):
        def write(self, data: Any) -> int:
            nonlocal left
            if not left:
                raise OSError(errno.ENOSPC, "No space left on device")
            part = bytes(data)[:left]
            left -= len(part)
            return super().write(part)

    def of_disk(path: Path, mode: str = "r", **more: Any) -> Any:
        return Full(path, "ab") if mode == "ab" else opened(path, mode, **more)

    return of_disk


def test_a_full_disk_leaves_no_half_frame_and_no_row_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, path = started(), tmp_path / "j"
    keeping, _ = kept(book, path)
    keeping.write()
    size = path.stat().st_size
    book.apply([Failed(3, "died", 0)], now_ns=250)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", full_after(100))
        with pytest.raises(OSError, match="No space left"):
            keeping.write()
    assert path.stat().st_size == size
    keeping.write()
    assert read(path)["state"].to_pylist() == [*["outstanding"] * 3, "failed"]


def test_a_write_in_parts_is_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.FileIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data)[:3])

    monkeypatch.setattr(Path, "open", lambda path, *_, **__: Slow(path, "ab"))
    append(tmp_path / "j", b"0123456789")
    monkeypatch.undo()
    assert (tmp_path / "j").read_bytes() == b"0123456789"


@pytest.mark.parametrize(
    "failure", [OSError(errno.EROFS, "Read-only file system"), RunError("the loop hangs.")]
)
def test_it_writes_by_itself_and_a_failure_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    monkeypatch.setattr(journal, "PERIOD_S", 0.001)
    book, calls = started(), 0
    changes = Changes(book)

    def take() -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise failure
        return changes.take()

    with Journal(take, changes, PROMPT_TOKENS, tmp_path / "j") as keeping:
        while keeping._thread.is_alive() and read_journal(tmp_path / "j") is None:
            pass
    assert len(read(tmp_path / "j")) == 4


@pytest.mark.parametrize(("error", "rows"), [(ValueError, 10), (None, 0)])
def test_the_rest_is_written_where_nobody_else_will(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception] | None, rows: int
) -> None:
    monkeypatch.setattr(journal, "PERIOD_S", 3600.0)
    changes = Changes(started(10))
    with (
        contextlib.suppress(ValueError),
        Journal(lambda: changes.take(most=4), changes, PROMPT_TOKENS, tmp_path / "j"),
    ):
        if error is not None:
            raise error
    assert len(read_journal(tmp_path / "j") or ()) == rows


@pytest.mark.parametrize("more", [bytes(1 << 16), HEAD.pack(3, crc32(b"abc")) + b"abc"])
def test_what_is_no_frame_of_ours_ends_it(tmp_path: Path, more: bytes) -> None:
    path = tmp_path / "ledger.journal"
    path.write_bytes(more)
    assert read_journal(path) is None
