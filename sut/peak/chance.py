"""How likely a run of full length is to be VALID at a rate, from the runs there are.

For each limit every run says which of its queries were over it. The model:

* The share of queries over the limit grows with the rate: logit(share) = a + b log(rate / r0),
  with b from 1 to 300 (in equal steps of its logarithm), r0 in the middle of the rates, and for
  the share at r0 the prior of Jeffreys, Beta(1/2, 1/2). The posterior over a grid of both is what
  the runs leave possible.
* Neighbours wait in one queue, so that they are late together. The dispersion d of a run is how
  many times the variance of means over blocks of its times that of independent ones is: the
  largest over blocks of a sixth of the run and less, and at least 1. N queries tell as much as N/d
  independent ones (P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd edition 1989,
  section 4.5, over-dispersion; the blocks are the batch means of simulation). It is worked out
  from the times and not from who was late: a trial in which nobody was late still shows how long
  its queue remembers.
* A run of n queries passes a limit if at most A(n) are over it: A is early stopping's for LoadGen's
  limits (`sut.rules.early_stopping`; LoadGen early_stopping.cc), the percentile's own for ours. So
  its chance is P(B <= A/d) for B binomial of n/d queries with that share, averaged over the
  posterior, with the d of the run that is nearest in rate. Between whole numbers of clusters
  the distribution is taken as straight.

The limits of one run hold or fail together more often than not, so that the least of their chances
is given. That a machine changes between two runs is in no run of a search: docs/peak.md has what
repeated runs say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LOGITS = np.linspace(-14, 8, 177)
SLOPES = np.geomspace(1, 300, 60)
BLOCKS = 6
FAR = 10
"""What took so many times its limit took no longer, for the dispersion."""


@dataclass(frozen=True)
class Seen:
    """One run under one limit.

    Attributes:
        rate: queries/s.
        took_ms: what each query took, in the order of issue; those without an answer took for ever.
        limit_ms: what it may take.
    """

    rate: float
    took_ms: Floats
    limit_ms: float

    @property
    def over(self) -> int:
        """Queries over the limit."""
        return int((self.took_ms > self.limit_ms).sum())

    @cached_property
    def dispersion(self) -> float:
        """How many times the variance of independent queries that of neighbours is; 1 at least."""
        times = np.minimum(self.took_ms, FAR * self.limit_ms)
        variance, most = float(times.var()), 1.0
        size = len(times) // BLOCKS
        while size > 1 and variance > 0:
            blocks = len(times) // size
            means = times[: blocks * size].reshape(blocks, size).mean(axis=1)
            most = max(most, size * float(means.var(ddof=1)) / variance)
            size //= 2
        return most


def chance_of_limit(rate: float, queries: int, allowed: int, runs: Sequence[Seen]) -> float | None:
    """The probability that a run at this rate keeps one limit; None without a run to judge by.

    Args:
        rate: queries/s.
        queries: of the run.
        allowed: of them, the most that may be over the limit; -1: even none is too many.
        runs: those there are.
    """
    told = [each for each in runs if len(each.took_ms)]
    if not told:
        return None
    if allowed < 0:
        return 0.0
    spread = min(told, key=lambda each: abs(math.log(each.rate / rate))).dispersion
    origin = math.exp(sum(math.log(each.rate) for each in told) / len(told))
    weights = _posterior(told, origin)
    shares = _shares(rate, origin)
    passes = _at_most(allowed / spread, queries / spread, shares)
    return float((weights * passes).sum())


def _shares(rate: float, origin: float) -> Floats:
    """The share over the limit at a rate, for each a (down) and b (across) of the grid."""
    logits = LOGITS[:, None] + SLOPES[None, :] * math.log(rate / origin)
    shares: Floats = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return shares


def _posterior(runs: Sequence[Seen], origin: float) -> Floats:
    """The weight of each a and b after these runs; all together 1."""
    first = _shares(origin, origin)
    logs = (np.log(first) + np.log1p(-first)) / 2
    for run in runs:
        shares, over = _shares(run.rate, origin), run.over
        told = over * np.log(shares) + (len(run.took_ms) - over) * np.log1p(-shares)
        logs += told / run.dispersion
    weights: Floats = np.exp(logs - logs.max())
    weights /= weights.sum()
    return weights


def _at_most(most: float, count: float, shares: Floats) -> Floats:
    """P(B <= most) for B binomial of `count` with each share; both need not be whole."""
    found = np.zeros_like(shares)
    whole, rest = math.floor(most), most - math.floor(most)
    for k in range(whole + 2):
        if k > count:
            break
        log_ways = math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1)
        term = np.exp(log_ways + k * np.log(shares) + (count - k) * np.log1p(-shares))
        found += term if k <= whole else rest * term
    return np.minimum(found, 1.0)
