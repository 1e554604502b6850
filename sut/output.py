"""Standard output that cannot take everything: a reader that has gone, a full disk, a code page."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sut.errors import FULL, HarnessError, OutputClosed, no_space


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
