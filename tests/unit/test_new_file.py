"""A new file: whole or not at all, never over another, with hard links or without."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from sut.new_file import new_file
from sut.record.folder import write_atomic


@pytest.fixture(params=["with hard links", "without hard links"])
def file_system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and as SMB, gcsfuse, blobfuse and rclone are."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if request.param == "without hard links":
        monkeypatch.setattr(os, "link", refuse)
        monkeypatch.setattr(Path, "chmod", refuse)


@pytest.mark.usefixtures("file_system")
def test_a_file_is_written_once(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, "one Ü\n")
    with pytest.raises(FileExistsError):
        write_atomic(path, "two\n")
    assert path.read_bytes() == "one Ü\n".encode()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("file_system")
def test_a_file_whose_writing_breaks_off_is_not_there(tmp_path: Path) -> None:
    def half() -> None:
        with new_file(tmp_path / "a.json") as stream:
            stream.write(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("file_system")
def test_a_name_that_cannot_be_given_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="Input/output"):
        write_atomic(tmp_path / "a.json", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_fsync_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    write_atomic(tmp_path / "a.json", "x")
    assert (tmp_path / "a.json").read_text() == "x"


def test_others_may_read_it(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a.json", "x")
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o644


def test_a_file_system_that_lets_nothing_go_is_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "unlink", refuse)
    write_atomic(tmp_path / "a.json", "x")
    assert (tmp_path / "a.json").read_text() == "x"
