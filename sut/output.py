"""Standard streams that cannot take everything: closed, without a reader, on a full disk."""

from __future__ import annotations

import _thread
import errno
import io
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any, TextIO, cast

from sut.errors import FULL, HarnessError, OutputClosed, no_space

if TYPE_CHECKING:
    from rich.console import Console

STANDARD = (0, 1, 2)
# A terminal that was stopped (Ctrl-S) or a pipe that nobody reads is waited for so long, once.
PATIENCE_S = 1.0
MOST_WAITING = 1000


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
    sys.stderr = _forgiving(sys.stderr)


class _Forgiving(io.FileIO):
    """Standard error, where a disk that is full or a reader that has gone costs the words alone.

    Whoever asked cannot be told; the exit code still tells.
    """

    def write(self, data: Any, /) -> int:
        """As far as it goes; what nobody takes counts as written."""
        with suppress(OSError):
            if (taken := super().write(data)) is not None:
                return taken
        return memoryview(data).nbytes


def _forgiving(stream: TextIO | None) -> TextIO:
    """Standard error as it is, but for its failures; None: it was closed when we started."""
    raw = _Forgiving(STANDARD[-1], "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors="backslashreplace",
        line_buffering=True,
    )


class _Heedless:
    """A stream whose failures nobody hears of: a terminal that has gone or stands costs no run.

    A thread writes, past the stream's own buffer, so that no lock of that one is ever held.
    """

    def __init__(self, stream: io.TextIOBase):
        self._stream = stream
        self._waiting: deque[str] = deque(maxlen=MOST_WAITING)
        self._changed = threading.Condition()
        self._busy = self._stands = False
        self._writes = _has_a_descriptor(stream) and self._started()

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As far as it goes."""
        if self._writes:
            with self._changed:
                self._waiting.append(text)
                self._changed.notify_all()
        else:
            with suppress(OSError, ValueError):
                self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """As far as it goes; one that takes nothing is waited for once, and not again."""
        if self._writes:
            with self._changed:
                patience_s = 0.0 if self._stands else PATIENCE_S
                self._stands = not self._changed.wait_for(self._done, patience_s)
        else:
            with suppress(OSError, ValueError):
                self._stream.flush()

    def _done(self) -> bool:
        return not self._busy and not self._waiting

    def _started(self) -> bool:
        with suppress(RuntimeError):  # no memory for a thread
            threading.Thread(target=self._write_all, name="progress", daemon=True).start()
            return True
        return False

    def _write_all(self) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._waiting)
                self._busy, text = True, self._waiting.popleft()
            with suppress(OSError, ValueError):
                write_all(self._stream.fileno(), text.encode(encoding, "backslashreplace"))


def _has_a_descriptor(stream: io.TextIOBase) -> bool:
    with suppress(OSError, ValueError, AttributeError):
        return stream.fileno() >= 0
    return False


def write_all(descriptor: int, data: bytes) -> None:
    """Every byte, past all buffers.

    Raises:
        OSError: it takes no more.
    """
    while data:
        data = data[os.write(descriptor, data) :]


def tell_past_all(text: str) -> None:
    """To standard error from a signal's handler or at the very end: no lock is waited for.

    One that takes nothing is left alone: whoever writes there may never return, so that it is a
    thread's doing, and one that needs no lock to start.
    """
    done: list[bool] = []

    def write() -> None:
        with suppress(OSError):
            write_all(STANDARD[-1], text.encode())
        done.append(True)

    with suppress(RuntimeError):
        _thread.start_new_thread(write, ())
        end_s = time.monotonic() + PATIENCE_S
        while not done and time.monotonic() < end_s:
            time.sleep(0.005)


def progress_console(*, quiet: bool = False) -> Console:
    """Where a run says how far it is: standard error, whether it still has a reader or not.

    What is printed stands there as it is: a path or a model's words may look like markup.

    Args:
        quiet: say nothing.
    """
    from rich.console import Console

    heedless = _Heedless(cast("io.TextIOBase", sys.stderr))
    return Console(file=cast("IO[str]", heedless), quiet=quiet, markup=False, emoji=False)


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
        if error.errno == errno.EBADF and error.filename is None:
            _drop_the_rest()
            raise _unwritable(error) from error
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
        raise _unwritable(error) from error


def _unwritable(error: OSError) -> HarnessError:
    return HarnessError(
        f"standard output cannot be written: {error.strerror}.", remedy="Send it elsewhere."
    )


def _drop_the_rest() -> None:
    """The interpreter flushes once more at its end, and would print a traceback of its own."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    finally:
        os.close(nowhere)
