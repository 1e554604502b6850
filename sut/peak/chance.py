"""How likely a run of full length is to be VALID at a rate, from the runs there are.

For each limit every run says which of its queries were over it. The model:

* The share of queries over the limit grows with the rate: logit(share) = a + b log(rate / r0),
  with b from 1 to 300 (in equal steps of its logarithm) and a without preference. The posterior
  over a grid of both is what the runs leave possible.
* Queries over a limit come in clusters, for one queue makes many late. The variance of the counts
  of blocks of neighbours over that of independent queries is the dispersion d, at least 1. N
  queries tell as much as N/d independent ones (P. McCullagh and J. A. Nelder, Generalized Linear
  Models, 2nd edition 1989, section 4.5, over-dispersion; the blocks are the batch means of
  simulation).
* A run of n queries passes a limit if at most A(n) are over it: A is early stopping's for LoadGen's
  limits (`sut.rules.early_stopping`; LoadGen early_stopping.cc), the percentile's own for ours. So
  its chance is P(B <= A/d) for B binomial of n/d queries with that share, averaged over the
  posterior. Between whole numbers of clusters the distribution is taken as straight.

The limits of one run hold or fail together more often than not, so that the least of their chances
is given. That a machine changes between two runs is in no run of a search: docs/peak.md has what
repeated runs say.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

LOGITS = np.linspace(-14, 8, 177)
SLOPES = np.geomspace(1, 300, 60)
CALM_SHARE = 0.2


@dataclass(frozen=True)
class Seen:
    """One run: its rate, and which of its queries were over the limit, in order."""

    rate: float
    over: Flags


def dispersion(runs: Sequence[Seen]) -> float:
    """How many times the variance of independent queries that of neighbours is; 1 at least.

    Blocks of about the root of a run's queries: the sum of their squared deviations, over what
    independent queries of the same share would have. Runs far over a limit are left out where there
    are others: their queue grows from end to end, and that is no clustering.
    """
    squares = expected = 0.0
    calm = [run for run in runs if 0 < run.over.mean() <= CALM_SHARE]
    for run in calm or runs:
        count = len(run.over)
        size = max(math.isqrt(count), 1)
        blocks = count // size
        share = float(run.over.mean()) if count else 0.0
        if blocks < 2 or not 0 < share < 1:
            continue
        sums = run.over[: blocks * size].reshape(blocks, size).sum(axis=1)
        squares += float(((sums - sums.mean()) ** 2).sum())
        expected += (blocks - 1) * size * share * (1 - share)
    return max(squares / expected, 1.0) if expected else 1.0


def chance_of_limit(rate: float, queries: int, allowed: int, runs: Sequence[Seen]) -> float | None:
    """The probability that a run at this rate keeps one limit; None without a run to judge by.

    Args:
        rate: queries/s.
        queries: of the run.
        allowed: of them, the most that may be over the limit; -1: even none is too many.
        runs: those there are.
    """
    told = [each for each in runs if len(each.over)]
    if not told:
        return None
    if allowed < 0:
        return 0.0
    spread = dispersion(told)
    origin = math.exp(sum(math.log(each.rate) for each in told) / len(told))
    weights = _posterior(told, spread, origin)
    shares = _shares(rate, origin)
    passes = _at_most(allowed / spread, queries / spread, shares)
    return float((weights * passes).sum())


def _shares(rate: float, origin: float) -> Floats:
    """The share over the limit at a rate, for each a (down) and b (across) of the grid."""
    logits = LOGITS[:, None] + SLOPES[None, :] * math.log(rate / origin)
    shares: Floats = 1 / (1 + np.exp(-np.clip(logits, -30, 30)))
    return shares


def _posterior(runs: Sequence[Seen], spread: float, origin: float) -> Floats:
    """The weight of each a and b after these runs; all together 1."""
    logs = np.zeros((len(LOGITS), len(SLOPES)))
    for run in runs:
        shares, over = _shares(run.rate, origin), int(run.over.sum())
        logs += (over * np.log(shares) + (len(run.over) - over) * np.log1p(-shares)) / spread
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
