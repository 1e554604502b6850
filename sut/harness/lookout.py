"""Looks at a ledger from the side, now and then: where a run stands while LoadGen runs.

The ledger grows on the engine's thread meanwhile. What is read here is a count, or a row that does
not change any more; nothing holds the ledger's arrays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from sut.harness.eta import Pace, Seen, seconds_left
from sut.harness.ledger import Ledger, State

NS_PER_S = 1e9


@dataclass(frozen=True)
class Look:
    """What one look has found.

    Attributes:
        seen: counts and times.
        expected: samples that LoadGen will have issued at the end.
        failed: samples without an answer, for good.
        left_s: how long the run still takes; None while nothing supports a figure.
    """

    seen: Seen
    expected: int
    failed: int
    left_s: float | None


class Lookout:
    """Watches one run.

    Args:
        ledger: of the run.
        pace: its plan.
        clock_ns: the monotonic clock that the ledger's times are of.
    """

    def __init__(self, ledger: Ledger, pace: Pace, clock_ns: Callable[[], int] = time.monotonic_ns):
        self._ledger, self._pace, self._clock_ns = ledger, pace, clock_ns
        self._first: tuple[float, int, int] | None = None

    def look(self) -> Look:
        """Where the run stands now."""
        seen = self._seen()
        return Look(
            seen=seen,
            expected=max(self._pace.queries, seen.issued),
            failed=self._ledger.count[State.FAILED],
            left_s=seconds_left(self._pace, seen),
        )

    def _seen(self) -> Seen:
        # In this order: a sample that ends in between must not count as ended before it was issued.
        ended, issued = self._ledger.ended, self._ledger.issued
        begun_ns = self._ledger.issued_ns[0] if issued else None
        elapsed_s = 0.0 if begun_ns is None else (self._clock_ns() - begun_ns) / NS_PER_S
        if self._first is None and ended:
            self._first = elapsed_s, ended, issued - ended
        if self._first is None:
            return Seen(elapsed_s, issued, ended)
        return Seen(elapsed_s, issued, ended, *self._first)
