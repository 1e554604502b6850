"""Looks at a ledger from the side, now and then: where a run stands while LoadGen runs.

The ledger grows on the engine's thread meanwhile. What is read here is a count, or a row that does
not change any more; nothing holds the ledger's arrays.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from sut.harness.closely import Closely, Figures
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
        figures: of a close look.
    """

    seen: Seen
    expected: int
    failed: int
    left_s: float | None
    figures: Figures | None = None


class Lookout:
    """Watches one run.

    Args:
        ledger: of the run.
        pace: its plan.
        closely: finds what a close look has beside the counts.
        clock_ns: the monotonic clock that the ledger's times are of.
    """

    def __init__(
        self,
        ledger: Ledger,
        pace: Pace,
        closely: Closely,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ):
        self._ledger, self.pace, self._closely = ledger, pace, closely
        self._clock_ns = clock_ns
        self._first: tuple[float, int, int] | None = None

    def look(self) -> Look:
        """Where the run stands now."""
        seen = self._seen()
        return Look(
            seen=seen,
            expected=max(self.pace.queries, seen.issued),
            failed=self._ledger.count[State.FAILED],
            left_s=seconds_left(self.pace, seen),
        )

    def look_closely(self) -> Look:
        """The same, and what there is beside the counts."""
        look = self.look()
        return replace(look, figures=self._closely.look(look.seen))

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
