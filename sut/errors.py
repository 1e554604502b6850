"""Every error this project raises on purpose, and the exit code each one means.

    HarnessError            1   measured and found wanting, or failed on the way
    ├── ConfigError         2   the user's configuration, file or flag is wrong
    ├── DatasetError        2   the data set is missing, malformed or does not fit
    ├── LogError            2   a LoadGen log is missing, truncated or corrupt
    ├── EngineStartError    3   the engine or cluster could not be started
    ├── RunError            1   a run failed after it had begun; what was measured is kept
    ├── Interrupted       130   Ctrl-C, after the logs were secured
    └── OutputClosed      141   nobody reads what is printed, as behind `| head`

`sut.main` catches HarnessError once, prints `render()` and exits with `exit_code`.
"""

from __future__ import annotations

import errno
from pathlib import Path

# C0 and C1, which move a terminal's cursor or colour it; but for tabs and ends of lines.
_UNSEEN = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n"
}


# A value that is longer is nobody's; whoever wrote it knows it by its ends.
_LONGEST_LINE = 2000


def _shown(line: str) -> str:
    """A line as a terminal can show it."""
    if len(line) > _LONGEST_LINE:
        left = _LONGEST_LINE // 2
        line = f"{line[:left]} … ({len(line) - 2 * left} characters) … {line[-left:]}"
    return line.translate(_UNSEEN)


class HarnessError(Exception):
    """A failure that a person can act on: what is wrong, where, and the remedy.

    Args:
        message: one sentence naming the field or file and its value.
        where: file, file:line, environment variable or flag the value came from.
        remedy: one sentence that says what to do.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str | None = None, remedy: str | None = None):
        super().__init__(message)
        self.message = message
        self.where = where
        self.remedy = remedy

    def render(self) -> str:
        """The one line shown to the user; what is for no eye stands there as its number."""
        # A name may have an end of line in it, and what follows is no line of ours.
        place = f"{self.where}: ".replace("\n", "\\x0a") if self.where else ""
        end = "" if self.remedy is None or self.message.endswith((".", "!", "?")) else "."
        remedy = "" if self.remedy is None else f"{end} {self.remedy}"
        lines = f"{place}{self.message}{remedy}".split("\n")
        return "\n".join(map(_shown, lines))

    def __str__(self) -> str:
        return self.render()


class ConfigError(HarnessError):
    """Bad configuration, whatever its source."""

    exit_code = 2


class DatasetError(HarnessError):
    """The data set cannot be used as it is."""

    exit_code = 2


class LogError(HarnessError):
    """A LoadGen log cannot be read."""

    exit_code = 2


class EngineStartError(HarnessError):
    """The engine could not be started; nothing was measured."""

    exit_code = 3


class RunError(HarnessError):
    """A run broke after it had begun."""

    exit_code = 1


# A disk or a quota that is full.
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


# A file system that is broken, gone or shut: what `write` and `fsync` say names no file.
BROKEN = frozenset(
    {errno.EIO, errno.EROFS, errno.ESTALE, errno.ENOTCONN, errno.EFBIG, errno.EACCES, errno.EPERM}
)


def no_space(error: OSError, folder: Path | None = None) -> RunError:
    """What to tell of a file system that took no more; `folder`: where it was written to."""
    where = folder if folder is not None else error.filename
    return RunError(
        "there is no space left on this file system.",
        where=None if where is None else str(where),
        remedy="Free some, or give another folder, and start again.",
    )


class Interrupted(HarnessError):
    """The user asked us to stop."""

    exit_code = 130


class OutputClosed(HarnessError):
    """Nobody reads on; there is nobody to tell it. What a shell shows: 128 + SIGPIPE."""

    exit_code = 141
