"""Ctrl-C, SIGTERM, SIGQUIT and a closed terminal: the first ends the run, the second everything.

The first such signal raises Stopped, a KeyboardInterrupt, in the main thread: logs and result are
then written. A second one ends the process at once, where the caller can afford that. Two that come
together are one: `timeout` sends its signal to the process and to its group, a terminal that
closes sends SIGHUP by the kernel and by the shell. What must not be cut short holds the first one
back too. A signal that was ignored when we started (nohup) stays ignored.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from sut.output import tell_past_all

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
TOGETHER_S = 0.5
# So long the main thread may take to notice a signal before it counts as hanging.
NOTICE_S = 2.0


class Stopped(KeyboardInterrupt):
    """Somebody asked us to end; `by`: Ctrl-C, or the signal's name."""

    def __init__(self, number: int):
        super().__init__()
        self.by = name_of(number)


def name_of(number: int) -> str:
    """Ctrl-C for SIGINT, which is what a terminal sends for it; else the signal's name."""
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


def stopped_by(error: KeyboardInterrupt) -> str:
    """Who asked for it."""
    return error.by if isinstance(error, Stopped) else name_of(signal.SIGINT)


def ignore_further() -> None:
    """From here to the end of `first_ends_the_run`, or of the process, nothing interrupts."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


class Stops:
    """What the signals of one block do.

    Args:
        at_once: ends the process; it is given who asked. None: a second signal does nothing.
        clock_s: monotonic.
    """

    def __init__(
        self, at_once: Callable[[str], None] | None, clock_s: Callable[[], float] = time.monotonic
    ):
        self._at_once, self._clock_s = at_once, clock_s
        self._first_s: float | None = None
        self._held = False
        self._heard = 0
        self._noticed = threading.Event()
        self._noticed_s: float | None = None
        self.by: str | None = None
        """Who asked first; None: nobody."""

    def hold(self) -> None:
        """From here on the first signal raises nothing: the end has begun anyway."""
        self._held = True

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """The handler of each signal."""
        now_s = self._noticed_s = self._clock_s()
        self._noticed.set()
        if self._first_s is None:
            self._first_s, self.by = now_s, name_of(number)
            more = "" if self._at_once is None else " Once more ends everything at once."
            tell_past_all(f"\n{self.by}: the run ends, and what was measured is kept.{more}\n")
            if not self._held:
                raise Stopped(number)
        elif number != signal.SIGHUP and now_s - self._first_s >= TOGETHER_S and self._at_once:
            self._at_once(name_of(number))

    def hear(self, number: int) -> None:
        """Of each signal, on a thread of its own: no handler runs while the main thread hangs.

        That is so inside a system call on a dead mount. The second signal then ends everything.
        """
        self._heard += 1
        since_s = self._clock_s() - TOGETHER_S  # of two that come together the handler sees one
        self._noticed.clear()
        if self._noticed_s is None or self._noticed_s < since_s:
            self._noticed.wait(NOTICE_S)
        hangs = self._noticed_s is None or self._noticed_s < since_s
        if hangs and self._heard > 1 and self._at_once is not None:
            self._at_once(name_of(number))


@contextmanager
def first_ends_the_run(at_once: Callable[[str], None] | None = None) -> Iterator[Stops]:
    """Within the block the first signal raises Stopped; a second one calls `at_once`."""
    stops = Stops(at_once)
    with _handled_by(stops.handle), _heard_by(stops.hear):
        yield stops


@contextmanager
def _heard_by(hear: Callable[[int], None]) -> Iterator[None]:
    """Within the block `hear` is told of each signal as it comes, wherever the main thread is."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def listen() -> None:
        with os.fdopen(reader, "rb", buffering=0) as stream:
            while number := stream.read(1):
                if number[0] in SIGNALS:
                    hear(number[0])

    threading.Thread(target=listen, name="signals", daemon=True).start()
    before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        os.close(writer)


@contextmanager
def as_by_ctrl_c() -> Iterator[None]:
    """Within the block each signal raises Stopped, as Ctrl-C raises KeyboardInterrupt.

    A command of several sessions has work between them, and a report to write when it is ended.
    Outside the main thread nothing can be taken, and the signals stay what they are.
    """

    def stop(number: int, _frame: FrameType | None) -> None:
        raise Stopped(number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with _handled_by(stop):
        yield


@dataclass
class Held:
    """Whether a signal came that was held back."""

    came: bool = False


@contextmanager
def held_back() -> Iterator[Held]:
    """Within the block a signal interrupts nothing, but for inner blocks of the kind above."""
    held = Held()

    def note(_signal: int, _frame: FrameType | None) -> None:
        held.came = True

    with _handled_by(note):
        yield held


@contextmanager
def kept() -> Iterator[None]:
    """Within the block a library may take signals for itself; after it those we handle are ours."""
    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():  # elsewhere none can be taken
            for each, earlier in before.items():
                ours = earlier is not signal.SIG_DFL
                # An ignored one is a first one's doing.
                if ours and signal.getsignal(each) is not signal.SIG_IGN:
                    signal.signal(each, earlier)


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {each: signal.getsignal(each) for each in SIGNALS}
    for each, earlier in before.items():
        if earlier is not signal.SIG_IGN:
            signal.signal(each, handler)
    try:
        yield
    finally:
        for each, earlier in before.items():
            signal.signal(each, earlier)
