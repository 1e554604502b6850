"""How far a mean of products may be from the product of the means, by what LoadGen prints.

LoadGen's log has no line for a query. But the latency of each answer is its TTFT and its TPOT times
its tokens after the first, so the means belong together but for the covariance of tokens and TPOT.
That is at most the product of both standard deviations, and each of these has a bound.
"""

from __future__ import annotations

import math
from itertools import pairwise

from sut.logs.figures import PERCENTILE_FIELDS, Quantiles


def most_deviation(of: Quantiles, n: int) -> float | None:
    """The most that the standard deviation of n values can be, ns; None: a figure is missing.

    Between two values that are printed lie as many others as LoadGen's places tell
    (results.cc: the value at place n x percentile of the sorted ones, rounded down).
    """
    printed = [
        (int(n * float(at) / 100), getattr(of, name)) for at, name in PERCENTILE_FIELDS.items()
    ]
    marks = [(0, of.min_ns), *printed, (n - 1, of.max_ns)]
    if not n or of.mean_ns is None or any(value is None for _, value in marks):
        return None
    total = float(of.min_ns - of.mean_ns) ** 2 if of.min_ns is not None else 0.0
    for (place, low), (next_place, high) in pairwise(marks):
        farthest = max(abs(low - of.mean_ns), abs(high - of.mean_ns))
        total += max(next_place - place, 0) * float(farthest) ** 2
    return math.sqrt(total / n)


def most_deviation_of_counts(mean: float, most: float) -> float:
    """The same of counts from 0 to `most` with this mean (Bhatia and Davis, 2000)."""
    return math.sqrt(max(mean * (most - mean), 0.0))
