"""A new file that appears whole or not at all, and never over another."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

# What a file system says that takes a file's bytes as they come, and needs no fsync.
_NO_FSYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Write inside; at the end the file is there under its name.

    Raises:
        FileExistsError: `path` exists.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            _sync(stream)
        with suppress(PermissionError):  # a share may have no modes
            temporary.chmod(0o644)
        _place(temporary, path)
    finally:
        with suppress(OSError):  # a share may never let anything go; the file itself is whole
            temporary.unlink(missing_ok=True)


def _place(temporary: Path, path: Path) -> None:
    """Give a finished file its name, if nobody has it."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # SMB, gcsfuse, blobfuse, rclone have no hard links. The name is taken first, by an empty
        # file that nobody else can have made, and that file is then replaced in one step.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        try:
            temporary.replace(path)
        except OSError:
            path.unlink(missing_ok=True)
            raise


def _sync(stream: IO[bytes]) -> None:
    try:
        os.fsync(stream.fileno())
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise
