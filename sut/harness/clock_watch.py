"""Whether the wall clock kept pace with the monotonic one while LoadGen ran.

LoadGen takes every time from the wall clock (std::chrono::high_resolution_clock, which is
system_clock in libstdc++), so a step of that clock changes its figures: with the clock set back
by 5 s an Offline run of 12 s is one of 7. The monotonic clock knows no step. Slewing, as time
synchronisation does it between steps, turns both alike (Linux derives the one from the other),
so that on a machine at peace their difference does not change at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sut.record.clock import ClockFacts, ClockStep
from sut.rules.clocks import STEP_TOLERANCE_S

NS_PER_S = 1e9
# LoadGen waits by the wall clock for the next query and for its end. Behind a step of more than
# this it would wait for as long, in a run that is not VALID any more.
ENDS_THE_RUN_S = 30.0
# The clocks are read one after the other, and the process may be interrupted in between.
TIGHT_NS = 100_000
TRIES = 50


@dataclass(frozen=True)
class Reading:
    """Three clocks at one moment, ns."""

    monotonic_ns: int
    wall_ns: int
    boot_ns: int
    """The monotonic clock with the time that the machine was suspended."""


def read_clocks() -> Reading:
    """Read the clocks so close together that their differences are good to a tenth of a ms.

    Of many tries that were all interrupted the closest counts.
    """
    best: Reading | None = None
    closest_ns = 0
    for _ in range(TRIES):
        before_ns = time.monotonic_ns()
        wall_ns, boot_ns = time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        apart_ns = time.monotonic_ns() - before_ns
        if best is None or apart_ns < closest_ns:
            best, closest_ns = Reading(before_ns + apart_ns // 2, wall_ns, boot_ns), apart_ns
        if apart_ns <= TIGHT_NS:
            break
    assert best is not None
    return best


class ClockWatch:
    """Reads the clocks when told; the first time when it is made.

    Args:
        read: gives the clocks.
    """

    def __init__(self, read: Callable[[], Reading] = read_clocks):
        self._read = read
        self._first = self._last = read()
        self._readings = 1
        self._steps: list[ClockStep] = []

    def look(self) -> str | None:
        """Read the clocks once more; a step since the last look is kept.

        Returns:
            Why the run is to end: a step that LoadGen would wait behind; None: there was none.
        """
        now = self._read()
        step_s = (_ahead_ns(now) - _ahead_ns(self._last)) / NS_PER_S
        if abs(step_s) > STEP_TOLERANCE_S:
            after_s = (now.monotonic_ns - self._first.monotonic_ns) / NS_PER_S
            self._steps.append(ClockStep(after_s=round(after_s, 3), step_s=round(step_s, 6)))
        self._last = now
        self._readings += 1
        if abs(step_s) <= ENDS_THE_RUN_S:
            return None
        way = "forward" if step_s > 0 else "back"
        return f"the wall clock, by which LoadGen waits, was set {way} by {abs(step_s):.0f} s"

    def facts(self) -> ClockFacts:
        """What was seen from the first look to the last."""
        first, last = self._first, self._last
        suspended_ns = (last.boot_ns - last.monotonic_ns) - (first.boot_ns - first.monotonic_ns)
        return ClockFacts(
            readings=self._readings,
            first_ns=first.monotonic_ns,
            last_ns=last.monotonic_ns,
            steps=self._steps,
            drift_s=round((_ahead_ns(last) - _ahead_ns(first)) / NS_PER_S, 6),
            suspended_s=round(suspended_ns / NS_PER_S, 6),
        )


def _ahead_ns(reading: Reading) -> int:
    return reading.wall_ns - reading.monotonic_ns
