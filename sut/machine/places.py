"""Folders of this machine that a user, a scheduler or a container may have set otherwise."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sut.errors import EngineStartError

# Bytes of a Unix socket's path (sun_path in linux/un.h, less its end).
SOCKET_PATH = 107
SHORT = Path("/tmp")
# "sut-", the number of the process that made it, a dash and eight letters of the library's.
TEMPORARY_NAME = 20


def socket_folder(below: int, what: str) -> Path | None:
    """Where sockets can be made whose names are `below` bytes long; None: where they would be.

    Schedulers set TMPDIR to folders whose own names leave no room.

    Args:
        below: bytes of the longest path below the temporary folder, its first slash included.
        what: whose sockets they are.

    Raises:
        EngineStartError: TMPDIR is too long and /tmp cannot be written.
    """
    usual = tempfile.gettempdir()
    if len(os.fsencode(usual)) + below <= SOCKET_PATH:
        return None
    if os.access(SHORT, os.W_OK | os.X_OK):
        return SHORT
    raise EngineStartError(
        f"TMPDIR is {usual}, too long for the sockets of {what}, and {SHORT} cannot be written.",
        where="environment TMPDIR",
        remedy=f"Set TMPDIR to a path of at most {SOCKET_PATH - below} characters.",
    )


def temporary_folder(below: Path | None = None) -> Path:
    """A new folder, named by this process, so that it can be told when that is gone.

    Args:
        below: where; None: where temporary files go.
    """
    return Path(tempfile.mkdtemp(prefix=f"sut-{os.getpid()}-", dir=below))


def not_a_folder(path: Path) -> str | None:
    """Why a path is not a folder, as a sentence; None of one that is."""
    if path.is_dir():
        return None
    return "this is a file, not a folder." if path.exists() else "there is no such folder."


def expanded(path: Path) -> Path:
    """A path with ~ as the home folder; as it is where nobody knows that."""
    try:
        return path.expanduser()
    except RuntimeError:  # a user id without a line in /etc/passwd, or no such user
        return path
