"""A folder in which one command works at a time: of a search, a campaign, a rehearsal.

Two would measure on one machine at once, and take each other's runs for their own.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sut.errors import ConfigError
from sut.record.folder import try_results_dir, unwritable


@contextmanager
def alone_in(out: Path, flag: str = "--out") -> Iterator[None]:
    """Make the folder where there is none; within the block it is taken.

    The kernel gives it back when the process ends, however that goes, and leaves no file. A share
    that knows no locks is worked in without one.

    Args:
        out: the folder.
        flag: that named it.

    Raises:
        ConfigError: another command works there, or nothing can be written there.
    """
    try_results_dir(out, flag)
    try:
        handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise unwritable(out, error, flag) from error
    try:
        _take(handle, out, flag)
        yield
    finally:
        os.close(handle)


def _take(handle: int, out: Path, flag: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigError(
            f"another command works in {out}.",
            where=flag,
            remedy="Wait for its end, or give another folder.",
        ) from error
    except OSError:
        return  # NFS and others may have no locks
