"""Ctrl-C, SIGTERM and a closed terminal: the first ends the run, the rest cannot spoil the end.

The first such signal raises KeyboardInterrupt in the main thread. Later ones are ignored, so
that an impatient second Ctrl-C costs neither logs nor result. A signal that was ignored when we
started (nohup) stays ignored.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
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

    before = {each: signal.getsignal(each) for each in SIGNALS}
    for each, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
