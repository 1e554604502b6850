"""Ctrl-C, SIGTERM and a closed terminal: the first ends the run, the rest cannot spoil the end.

The first such signal raises KeyboardInterrupt in the main thread. Later ones are ignored, so
that an impatient second Ctrl-C costs neither logs nor result. What must not be cut short holds the
first one back too. A signal that was ignored when we started (nohup) stays ignored.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def ignore_further() -> None:
    """From here to the end of `first_ends_the_run` nothing interrupts any more."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)


@contextmanager
def first_ends_the_run() -> Iterator[None]:
    """Within the block the first signal raises KeyboardInterrupt and the rest are ignored."""

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        ignore_further()
        raise KeyboardInterrupt

    with _handled_by(interrupt):
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
