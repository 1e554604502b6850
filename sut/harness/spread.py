"""Percentiles of times as they come, in bounded room: each is right to 1 %."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEAST_MS, MOST_MS = 0.001, 1e8
STEP = 1.01
"""Each bucket ends 1 % above the one below: 2,546 of them, from 1 us to a day."""
_ENDS = LEAST_MS * STEP ** np.arange(int(np.log(MOST_MS / LEAST_MS) / np.log(STEP)) + 2)


class Spread:
    """Times in ms, counted by how long they are."""

    def __init__(self) -> None:
        self._counts = np.zeros(len(_ENDS), np.int64)
        self.count = 0

    def add(self, times_ms: npt.ArrayLike) -> None:
        """Count these; what lies outside the buckets counts in the last one at that end."""
        places = np.minimum(np.searchsorted(_ENDS, np.asarray(times_ms)), len(_ENDS) - 1)
        np.add.at(self._counts, places, 1)
        self.count += len(places)

    def percentile_ms(self, percentile: float) -> float | None:
        """The end of the bucket that holds it; None without times.

        It is the value at index floor(n * percentile/100) of n sorted ones. Source: LoadGen
        results.cc, PerformanceSummary::ProcessLatencies.
        """
        if not self.count:
            return None
        index = min(int(self.count * (percentile / 100)), self.count - 1)
        return float(_ENDS[int(np.searchsorted(np.cumsum(self._counts), index, side="right"))])
