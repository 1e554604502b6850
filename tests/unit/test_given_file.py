"""A file of others is a regular one, and no longer than an honest one can be."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from sut.errors import ConfigError
from sut.given_file import NOT_A_FILE, given_bytes, given_text, only_read, open_given


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)


NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, NOT_A_FILE),
    "device": (lambda path: path.symlink_to("/dev/zero"), NOT_A_FILE),
    "folder": (lambda path: path.mkdir(), "Is a directory"),
    "dangling": (lambda path: path.symlink_to("nothing"), "No such file or directory"),
    "loop": (lambda path: path.symlink_to(path.name), "Too many levels of symbolic links"),
    "socket": (a_socket, "No such device or address"),
}


@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_is_refused_at_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path is short
    made, said = NO_FILES[kind]
    path = Path("it")
    made(path)
    with pytest.raises(OSError) as caught:  # noqa: PT011 - its strerror is what is shown
        open_given(path)
    assert (caught.value.strerror, caught.value.filename) == (said, "it")


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    before = os.listdir("/proc/self/fd")  # noqa: PTH208
    with pytest.raises(OSError):  # noqa: PT011
        open_given(path)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


def test_its_bytes_are_read_up_to_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"abc")
    assert given_bytes(path, 3) == b"abc"
    with pytest.raises(OSError, match="it has 3 bytes, more than 2"):
        given_bytes(path, 2)


def test_holes_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "holes"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(OSError, match="it has 1099511627776 bytes, more than "):
        given_bytes(path)


def test_a_file_whose_size_the_kernel_does_not_tell_is_bounded_too() -> None:
    with pytest.raises(OSError, match="bytes, more than 10"):
        given_bytes(Path("/proc/cpuinfo"), 10)


def test_text_has_no_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"\xef\xbb\xbfa")
    assert given_text(path) == "a"


def test_what_cannot_be_read_of_others_is_bad_input(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(ConfigError, match="cannot be read: No such file") as refused, only_read():
        gone.read_bytes()
    assert refused.value.where == str(gone)
    with pytest.raises(ConfigError, match="nested too deeply"), only_read():
        raise RecursionError


def test_a_disk_that_is_full_and_a_reader_that_went_are_not_of_others() -> None:
    for error in (BrokenPipeError(), OSError(errno.ENOSPC, "full", "it")):
        with pytest.raises(OSError) as raised, only_read():  # noqa: PT011 - it is the same
            raise error
        assert raised.value is error
