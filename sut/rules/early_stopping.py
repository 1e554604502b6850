"""How many queries LoadGen wants before it grants a percentile.

LoadGen calls a run successful only if so few queries were over the limit that a system which
misses its percentile would show as few in 1 of 100 runs at most. Source: LoadGen
early_stopping.cc and results.cc, with their confidence of 0.99 and tolerance of 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

MISTAKEN_SHARE = 0.01


def queries_needed(over_limit: int, percentile: float) -> int:
    """The least number of queries that passes with `over_limit` of them over the limit.

    Args:
        over_limit: queries that took longer than the limit.
        percentile: what LoadGen is asked for, e.g. 99.
    """
    late_share = 1 - percentile / 100
    return _least(lambda queries: _convinces(queries, over_limit, late_share))


def over_limit_of(needed: int, percentile: float) -> int:
    """How many queries over the limit LoadGen saw when it asked for `needed` in all."""
    return _least(lambda over: queries_needed(over, percentile) >= needed)


def over_limit_allowed(queries: int, percentile: float) -> int | None:
    """How many of so many queries may be over the limit; None: not even if none is, it passes.

    The figure that early stopping holds to a limit follows: with `n` of `queries` allowed it is
    the `n + 1`th largest. LoadGen tells it as an estimate in SingleStream alone, where it takes
    the `n`th largest (results.cc, EarlyStopping).

    Args:
        queries: 1 or more.
        percentile: what LoadGen is asked for, e.g. 99.
    """
    late_share = 1 - percentile / 100
    first_too_many = _least(lambda over: not _convinces(queries, over, late_share))
    return first_too_many - 1 if first_too_many else None


def _least(holds: Callable[[int], bool]) -> int:
    """The smallest whole number of which something holds that holds of all above it."""
    if holds(0):
        return 0
    below, above = 0, 1
    while not holds(above):
        below, above = above, 2 * above
    while above - below > 1:
        middle = (below + above) // 2
        below, above = (below, middle) if holds(middle) else (middle, above)
    return above


def _convinces(queries: int, over_limit: int, late_share: float) -> bool:
    """Whether at most `over_limit` late ones of `queries` are too few to be luck.

    The sum of a binomial distribution's first terms, each by logarithms: a term of its own
    underflows from some thousands of queries on. All at once, for a run asks while it goes on.
    """
    if queries <= over_limit:
        return False
    late = np.arange(1, over_limit + 1)
    # From one term to the next: one more is late, one fewer in time.
    steps = np.log((queries - late + 1) / late) + math.log(late_share) - math.log1p(-late_share)
    logs = queries * math.log1p(-late_share) + np.concatenate(([0.0], np.cumsum(steps)))
    return float(np.exp(logs).sum()) <= MISTAKEN_SHARE
