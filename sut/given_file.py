"""A file that somebody gave: a regular one, and no longer than an honest one can be.

Reading a pipe or a device may never end, opening a pipe already waits for its writer, and a file
of holes fills the memory. What is refused here is an OSError like any other, whose `strerror` says
why, so that whoever reads a file needs to foresee nothing else.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sut.errors import FULL, ConfigError

MIB = 2**20
# Configurations, records, descriptions: kilobytes as a rule.
MOST_BYTES = 64 * MIB
NOT_A_FILE = "it is a pipe or a device, not a file"


@contextmanager
def only_read() -> Iterator[None]:
    """Around the reading of a whole folder of others: what cannot be read is no bug of ours.

    A file may go while the folder is listed, be nobody's to read, or lie deeper than Python goes.

    Raises:
        ConfigError: naming the file.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None or error.errno in FULL:
            raise
        name = os.fsdecode(error.filename)
        raise ConfigError(f"cannot be read: {error.strerror}.", where=name) from error
    except RecursionError as error:
        raise ConfigError(
            "its folders or its values are nested too deeply.", where="command line"
        ) from error


def open_given(path: Path) -> BinaryIO:
    """Open for reading.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, NOT_A_FILE, str(path))


def given_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """All of it.

    Args:
        path: the file.
        most: bytes that it may have.

    Raises:
        OSError: it cannot be read, is no regular file, or has more bytes.
    """
    with open_given(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        # Room is made for as much as is asked for; of some files the kernel tells no size.
        data = stream.read((size or min(most, MIB)) + 1) if size <= most else b""
    if max(size, len(data)) > most:
        said = f"it has {max(size, len(data))} bytes, more than {most}"
        raise OSError(errno.EFBIG, said, str(path))
    return data


def given_text(path: Path, most: int = MOST_BYTES) -> str:
    """All of it as UTF-8 text, without a byte order mark.

    Raises:
        OSError: as of `given_bytes`.
        UnicodeDecodeError: it is not UTF-8.
    """
    return given_bytes(path, most).decode("utf-8-sig")
