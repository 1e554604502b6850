"""Folders of this machine that a user, a scheduler or a container may have set otherwise."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from sut.errors import EngineStartError

# Bytes of a Unix socket's path (sun_path in linux/un.h, less its end).
SOCKET_PATH = 107
SHORT = Path("/tmp")


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


def expanded(path: Path) -> Path:
    """A path with ~ as the home folder; as it is where nobody knows that."""
    try:
        return path.expanduser()
    except RuntimeError:  # a user id without a line in /etc/passwd, or no such user
        return path
