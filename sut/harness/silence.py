"""Whether LoadGen's process still lives: it sends a pulse a second, whatever it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable

import psutil

from sut.loadgen.child import PULSE_S

# Between two looks no more than this counts: the harness itself may have been stopped meanwhile.
LOOK_S = 2 * PULSE_S


class Silence:
    """Adds up the time without a sign.

    Args:
        limit_s: seconds of silence after which the process counts as dead.
        clock: monotonic, seconds.
    """

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic):
        self._limit_s, self._clock = limit_s, clock
        self._last_s = clock()
        self._signs = -1
        self._silent_s = 0.0

    def look(self, signs: int) -> float | None:
        """Seconds of silence if they are over the limit, else None.

        Args:
            signs: how many times the process was heard so far.
        """
        now_s = self._clock()
        passed_s, self._last_s = now_s - self._last_s, now_s
        self._silent_s = 0.0 if signs != self._signs else self._silent_s + min(passed_s, LOOK_S)
        self._signs = signs
        return self._silent_s if self._silent_s > self._limit_s else None


def silent_process(pid: int, silent_s: float) -> str:
    """What to say of it, with what the kernel knows."""
    try:
        stopped = psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.Error:
        stopped = False
    what = ": it is stopped (SIGSTOP)" if stopped else ""
    return f"LoadGen's process gave no sign of life for {silent_s:.0f} s{what}"
