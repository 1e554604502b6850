"""An error that nobody foresaw: one sentence for the user, its traceback in a file."""

from __future__ import annotations

import errno
import os
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path

from sut.errors import BROKEN, FULL, ConfigError, HarnessError, RunError

NAME = "traceback.txt"
OURS = "this is a bug of ours"
# Names of files that a user gave: every question about them is answered with one of these.
OF_NAMES = frozenset({errno.ENAMETOOLONG, errno.ELOOP})
# What a limit of the process, set or reached while it ran, answers with.
OF_LIMITS = {
    errno.EMFILE: "this process may open no more files at once (ulimit -n)",
    errno.ENFILE: "this machine opens no more files at once",
    errno.EFBIG: "a file of this process may not grow so large (ulimit -f)",
}
# A file or folder that went, or came, while a command was at work.
CHANGED = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOTEMPTY})


def bug_of_ours(error: Exception, folder: Path | None = None) -> HarnessError:
    """What to tell of it; where nothing can be written the traceback is lost.

    A name that no file can have, a process that reached a limit, and a file that the machine
    refuses or that somebody took away are no bugs.

    Args:
        error: as it was raised.
        folder: where its traceback goes; None: the temporary folder.
    """
    if isinstance(error, OSError) and error.errno in OF_LIMITS:
        return RunError(f"{OF_LIMITS[error.errno]}.", remedy="Raise its limit.")
    text = "".join(traceback.format_exception(error))
    if isinstance(error, OSError) and error.errno in OF_NAMES and error.filename is not None:
        name = os.fsdecode(error.filename)
        return ConfigError(f"{error.strerror}.", where=name, remedy="Give another name.")
    if isinstance(error, OSError) and error.errno in BROKEN | FULL and error.filename is not None:
        return RunError(
            f"this file cannot be used: {error.strerror}.",
            where=os.fsdecode(error.filename),
            remedy="Mend that, or give another folder, and start again.",
        )
    written = _write(text, folder) or _write(text, None)
    if isinstance(error, OSError) and error.errno in CHANGED and error.filename is not None:
        return _of_a_change(error, written)
    if _of_memory(error):
        return RunError("this process may take no more memory.", remedy="Raise its limit.")
    what = (str(error).strip() or "without a word").splitlines()[0]
    return RunError(
        f"{OURS}: {type(error).__name__}: {what}",
        where=None if written is None else str(written),
        remedy="Report it with the traceback in that file." if written else "Report it.",
    )


def _of_a_change(error: OSError, written: Path | None) -> RunError:
    """Where nobody else works there it is a bug of ours all the same: its traceback is kept."""
    kept = "" if written is None else f" with the traceback in {written}"
    return RunError(
        f"this file was removed, moved or made while the command worked: {error.strerror}.",
        where=os.fsdecode(error.filename),
        remedy=f"Start again. If nobody else works in that folder, report it{kept}.",
    )


def _of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or (
        isinstance(error, OSError) and error.errno == errno.ENOMEM
    )


def _write(text: str, folder: Path | None) -> Path | None:
    with suppress(OSError):
        inside = Path(tempfile.mkdtemp(prefix="sut-")) if folder is None else folder
        path = inside / NAME
        with path.open("a", encoding="utf-8") as stream:
            stream.write(text)
        return path
    return None
