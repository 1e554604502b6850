"""What a session is doing, and by when it must be done: nothing waits for ever.

A thread watches the deadline of the phase. Once it is over, SIGALRM reaches the main thread, which
raises Overdue there whatever it waits for. A main thread that even that does not reach hangs inside
a system call (a dead mount): then the last resort follows.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from sut.errors import RunError

# From the deadline until the main thread must have left the phase.
GRACE_S = 10.0
BEGIN = "beginning"


class Overdue(RunError):
    """A phase took longer than it may."""


class Phases:
    """One phase after the other; a context manager, in the main thread.

    Args:
        last_resort: ends the process; it is given what to say.
        grace_s: from a deadline until the main thread counts as hanging.
    """

    def __init__(self, last_resort: Callable[[str], None], grace_s: float = GRACE_S):
        self._last_resort, self._grace_s = last_resort, grace_s
        self._told: Callable[[str], None] = lambda _: None
        self._late: str | None = None
        self._before: signal._HANDLER = signal.SIG_DFL
        self.name = BEGIN
        """The phase, or after an error the one that it ended."""

    def tell(self, told: Callable[[str], None]) -> None:
        """From here on `told` is given the name of each phase as it begins."""
        self._told = told

    def __enter__(self) -> Phases:
        self._before = signal.signal(signal.SIGALRM, self._raise)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGALRM, self._before)

    def begin(self, name: str) -> None:
        """A phase over which others watch, until the next one begins."""
        self.name = name
        self._told(name)

    @contextmanager
    def phase(self, name: str, limit_s: float) -> Iterator[None]:
        """Within the block this is what the session does.

        Args:
            name: as in "while starting the engine".
            limit_s: seconds that it may take.

        Raises:
            Overdue: it took longer.
        """
        self.begin(name)
        left, said = threading.Event(), f"{name} took longer than {limit_s:g} s"
        watch = threading.Thread(
            target=self._watch, args=(left, limit_s, said), name="deadline", daemon=True
        )
        try:
            watch.start()  # a deadline may be over before this returns
            yield
        finally:
            left.set()
            self._late = None

    def _watch(self, left: threading.Event, limit_s: float, said: str) -> None:
        if left.wait(limit_s):
            return
        self._late = said
        main = threading.main_thread().ident
        assert main is not None, "the main thread has begun"
        signal.pthread_kill(main, signal.SIGALRM)
        if not left.wait(self._grace_s):
            self._last_resort(f"{said}, and nothing can interrupt it")

    def _raise(self, _signal: int, _frame: FrameType | None) -> None:
        said, self._late = self._late, None
        if said is not None:  # else the phase was over as the alarm came
            raise Overdue(said)
