"""Room on a file system: whether there is enough, and keeping some of it for the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sut.errors import FULL, ConfigError

MIB = 2**20


def require_room(folder: Path, needed: int) -> None:
    """Refuse a file system that has less free.

    Args:
        folder: it exists.
        needed: bytes.

    Raises:
        ConfigError: with both figures.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return  # whoever writes there says why that cannot be done
    if free < needed:
        raise ConfigError(
            f"the disk of {folder} has {free // MIB} MiB free, and the session may write "
            f"{needed // MIB + 1} MiB.",
            where="results_dir",
            remedy="Free some, give --results-dir another folder, or leave out LoadGen's trace "
            "with --set loadgen.enable_trace=false.",
        )


@contextmanager
def room_kept(path: Path, size: int) -> Iterator[None]:
    """Within the block a file of this size holds the room that the end will need.

    Args:
        path: the file; it is gone after the block.
        size: bytes.

    Raises:
        OSError: there is not so much left.
    """
    try:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.posix_fallocate(handle, 0, size)
        except OSError as error:
            if error.errno in FULL:
                raise
            # A file system that cannot give room beforehand.
        finally:
            os.close(handle)
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)
