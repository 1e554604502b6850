"""How far a figure would be off if the same run were made again: 99 % bands, relative.

One session tells of the noise within its own run alone: the queries are drawn again in blocks, for
neighbours share a batch and a queue. Several sessions of one kind tell of the noise between runs,
which is the larger one. All is deterministic: the draws have a seed of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sut.metrics import NS_PER_S, Nanoseconds, percentile_ns

LEVEL = 0.99
Z = 2.5758
DRAWS, SEED = 400, 20251127
# Fewer queries tell nothing of a tail.
FEWEST = 20
# Student's t for 99 %, two-sided, by degrees of freedom.
T = {1: 63.66, 2: 9.925, 3: 5.841, 4: 4.604, 5: 4.032, 6: 3.707, 7: 3.499, 8: 3.355, 9: 3.250}
T |= {10: 3.169, 15: 2.947, 20: 2.845, 30: 2.750}

Floats = npt.NDArray[np.float64]


def of_repeats(values: Sequence[float]) -> float | None:
    """Half the band of the mean of repeats, as a share of it; None for fewer than two.

    On logarithms, for what is compared are ratios.
    """
    if len(values) < 2 or any(value <= 0 for value in values):
        return None
    logs = np.log(np.asarray(values, dtype=np.float64))
    return math.expm1(_t(len(values) - 1) * float(logs.std(ddof=1)) / math.sqrt(len(values)))


def of_two_groups(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Half the band of the ratio of two means of repeats, as a share of it (pooled t-test).

    Both groups together tell of the spread, so that three repeats against three say more than
    each three alone. None where one has fewer than two.
    """
    if min(len(first), len(second)) < 2 or min(*first, *second) <= 0:
        return None
    groups = [np.log(np.asarray(each, dtype=np.float64)) for each in (first, second)]
    freedom = sum(len(each) - 1 for each in groups)
    squares = sum(float(((each - each.mean()) ** 2).sum()) for each in groups)
    error = math.sqrt(squares / freedom * sum(1 / len(each) for each in groups))
    return math.expm1(_t(freedom) * error)


def _t(freedom: int) -> float:
    return T[max(known for known in T if known <= freedom)]


def of_percentile(values_ns: Nanoseconds, percentile: float) -> float | None:
    """Half the band of a percentile of one run's queries in their order, as a share of it."""
    return _band(
        len(values_ns),
        lambda rows: float(percentile_ns(np.sort(values_ns[rows]), percentile)),
    )


def of_rate(ledger: Any, *, tokens: bool) -> float | None:
    """Half the band of a run's samples/s, or tokens/s, as a share of it.

    What is drawn again are the times between two completions, each with its tokens.
    """
    import pyarrow.compute as pc

    done = ledger.filter(pc.equal(ledger["state"], "succeeded")).sort_by("done_ns")
    stamps = done["done_ns"].to_numpy().astype(np.int64)
    if len(stamps) < 2:
        return None
    gaps: Floats = np.diff(stamps).astype(np.float64)
    work: Floats = np.ones(len(gaps))
    if tokens:
        work = done["tokens_out"].to_numpy()[1:].astype(np.float64)

    def rate(rows: npt.NDArray[np.int64]) -> float:
        time = float(gaps[rows].sum())
        return float(work[rows].sum()) / time if time else math.nan

    return _band(len(gaps), rate)


def of_arrivals(latencies_ns: Nanoseconds, span_s: float | None) -> float | None:
    """Half the band of a rate whose queries come by a schedule, the same in each run.

    The work and its beginning are given: only when the last query is done may differ, by what
    latencies differ.
    """
    if len(latencies_ns) < FEWEST or not span_s:
        return None
    low, high = np.quantile(latencies_ns, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(high - low) / 2 / NS_PER_S / span_s


def _band(count: int, statistic: Callable[[npt.NDArray[np.int64]], float]) -> float | None:
    """Half of what lies between the 0.5th and the 99.5th of the draws, by the whole's figure."""
    if count < FEWEST:
        return None
    whole = statistic(np.arange(count))
    drawn = [statistic(rows) for rows in _draws(count)]
    if not whole or not all(map(math.isfinite, [whole, *drawn])):
        return None
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(high - low) / 2 / whole


def _draws(count: int) -> Sequence[npt.NDArray[np.int64]]:
    """Rows in blocks of about the square root of their number, each block a run of neighbours."""
    random = np.random.default_rng(SEED)
    length = math.ceil(math.sqrt(count))
    blocks = math.ceil(count / length)
    starts = random.integers(0, count - length + 1, size=(DRAWS, blocks))
    within = np.arange(length)
    return [(each[:, None] + within).ravel()[:count] for each in starts]


def wilson(good: int, of: int) -> tuple[float, float]:
    """The 99 % interval of a share (Wilson, 1927); 0 to 1 where nothing was counted."""
    if not of:
        return 0.0, 1.0
    share, spread = good / of, Z * Z / of
    middle = (share + spread / 2) / (1 + spread)
    half = Z * math.sqrt(share * (1 - share) / of + spread / of / 4) / (1 + spread)
    return max(middle - half, 0.0), min(middle + half, 1.0)
