"""Standard streams that cannot take everything: closed, without a reader, on a full disk."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast

from sut.errors import FULL, HarnessError, OutputClosed, no_space

if TYPE_CHECKING:
    from rich.console import Console

STANDARD = (0, 1, 2)


def open_standard_streams() -> None:
    """Point descriptors that were closed when we started to nowhere.

    Else the next file that is opened gets the number, and what is printed goes into it.
    """
    for descriptor in STANDARD:
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


class _Heedless:
    """A stream whose failures nobody hears of: a terminal that has gone costs no run."""

    def __init__(self, stream: io.TextIOBase):
        self._stream = stream

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As far as it goes."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """As far as it goes."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def progress_console(*, quiet: bool = False) -> Console:
    """Where a run says how far it is: standard error, whether it still has a reader or not.

    Args:
        quiet: say nothing.
    """
    from rich.console import Console

    heedless = _Heedless(cast("io.TextIOBase", sys.stderr))
    return Console(file=cast("IO[str]", heedless), quiet=quiet)


@contextmanager
def as_far_as_it_goes() -> Iterator[None]:
    """Print inside what is kept elsewhere too: where nobody can read it, it is left out."""
    try:
        yield
        sys.stdout.flush()
    except OSError:
        _drop_the_rest()


@contextmanager
def whole_output() -> Iterator[None]:
    """Print inside; at the end everything has left, or the failure is raised in words.

    A character that the terminal's encoding lacks is written as its number.

    Raises:
        OutputClosed: the reader went away.
        HarnessError: standard output, or whatever else was written inside, is on a full disk.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    except BrokenPipeError as error:
        _drop_the_rest()
        raise OutputClosed("standard output was closed.") from error
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise no_space(error) from error
    finally:
        _flush()


def _flush() -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError as error:
        _drop_the_rest()
        raise OutputClosed("standard output was closed.") from error
    except OSError as error:
        _drop_the_rest()
        raise HarnessError(
            f"standard output cannot be written: {error.strerror}.", remedy="Send it elsewhere."
        ) from error


def _drop_the_rest() -> None:
    """The interpreter flushes once more at its end, and would print a traceback of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)
