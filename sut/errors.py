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
        """The one line shown to the user."""
        place = f"{self.where}: " if self.where else ""
        if self.remedy is None:
            return f"{place}{self.message}"
        end = "" if self.message.endswith((".", "!", "?")) else "."
        return f"{place}{self.message}{end} {self.remedy}"

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
