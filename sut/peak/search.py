"""Which rate to try next: pure, so that a search goes on from the trials on disk.

A trial tells how near each limit is: its worst figure over its limit, 1 where one just holds. So a
step goes where that ratio is expected to be 1, and halves nothing blindly. Only a run of full
length confirms a rate; a trial never does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

DIGITS = 3
UP_LEAST, UP_MOST = 1.15, 2.0
DOWN_LEAST, DOWN_MOST = 0.35, 0.9
ENDED_EARLY = 0.6
"""How far down from a trial that was given up, which shows only that its rate is far too high."""
SLACK = 0.5
"""A ratio grows faster than the rate does: half of what is left, in logarithms, is safe to take."""
INSIDE = (0.2, 0.8)
"""Part of a bracket that a step stays within, so that the bracket shrinks each time."""
FLOOR = 1e-3
"""Below so much of the first rate nothing is tried: no rate helps."""


class Kind(StrEnum):
    """What is to be done next."""

    TRIAL = "trial"
    CONFIRMATION = "confirmation"
    END = "end"


@dataclass(frozen=True)
class Tried:
    """One LoadGen run of the search.

    Attributes:
        rate: queries/s that LoadGen was given.
        held: a trial: every figure is within its limit; a confirmation: it is VALID.
        worst: the largest figure over its limit; None where the run was given up before that.
        full: whether it was a confirmation.
    """

    rate: float
    held: bool
    worst: float | None
    full: bool


@dataclass(frozen=True)
class Step:
    """What to do next; of the end, `rate` is the confirmed one."""

    kind: Kind
    rate: float | None
    why: str


@dataclass(frozen=True)
class Wishes:
    """How the search is to be made.

    Attributes:
        first: rate of the first trial, queries/s.
        tolerance: the peak lies at most this share above the rate that is found.
        trials: at most.
        confirmations: at most.
    """

    first: float
    tolerance: float = 0.05
    trials: int = 12
    confirmations: int = 4


def next_step(tried: Sequence[Tried], wishes: Wishes) -> Step:
    """What to do after these runs, in whatever order they were made.

    Args:
        tried: every run of the search so far.
        wishes: how it is to be made.
    """
    best = max((each.rate for each in tried if each.full and each.held), default=None)
    below, above = _bracket(tried, best, wishes)
    trials = sum(not each.full for each in tried)
    rate = _rate(tried, below, above, wishes)
    if trials < wishes.trials and rate is not None:
        return Step(Kind.TRIAL, rate, _why(below, above))
    if below is not None and below.rate != best:
        full = sum(each.full for each in tried)
        if full < wishes.confirmations:
            return Step(Kind.CONFIRMATION, below.rate, "the highest rate that held in a trial")
        return Step(Kind.END, best, f"{full} runs of full length were made")
    if best is None:
        return Step(Kind.END, None, "no rate held")
    if rate is not None:
        return Step(Kind.END, best, f"{trials} trials were made; a higher rate may hold")
    return Step(Kind.END, best, "the next rate that was tried did not hold")


def _bracket(
    tried: Sequence[Tried], best: float | None, wishes: Wishes
) -> tuple[Tried | None, Tried | None]:
    """The highest rate that held below the lowest that did not.

    A confirmation outranks trials. One that held clears the failed trials at and below its rate.
    One that failed takes with it the trials that held within the tolerance below it, and above.
    """
    refuted = min((each.rate for each in tried if each.full and not each.held), default=math.inf)
    failed = [each for each in tried if not each.held and each.rate > (best or 0)]
    above = min(failed, key=lambda each: each.rate, default=None)
    most = min(above.rate if above else math.inf, refuted / (1 + wishes.tolerance) * (1 + 1e-9))
    held = [each for each in tried if each.held and (each.rate <= most if not each.full else True)]
    if above is not None:
        held = [each for each in held if each.rate < above.rate]
    # Of two runs at one rate the full one tells more.
    return max(held, key=lambda each: (each.rate, each.full), default=None), above


def _rate(
    tried: Sequence[Tried], below: Tried | None, above: Tried | None, wishes: Wishes
) -> float | None:
    """The rate of the next trial; None where the bracket is narrow enough, or nothing helps."""
    if below is None and above is None:
        return _rounded(wishes.first)
    if above is None:
        assert below is not None, "one of the two is there"
        return _rounded(below.rate * _up(below.worst))
    if below is None:
        rate = _floored(above.rate * _down(above, wishes))
        return rate if rate >= FLOOR * wishes.first else None
    if above.rate <= below.rate * (1 + wishes.tolerance) * (1 + 1e-9):
        return None
    rate = _rounded(_inside(below, above))
    if above.full:
        rate = min(rate, _floored(above.rate / (1 + wishes.tolerance)))
    known = {each.rate for each in tried}
    return rate if below.rate < rate < above.rate and rate not in known else None


def _up(worst: float | None) -> float:
    if not worst:
        return UP_MOST
    return min(max(math.pow(worst, -SLACK), UP_LEAST), UP_MOST)


def _down(above: Tried, wishes: Wishes) -> float:
    if above.worst is None:
        return ENDED_EARLY
    least = 1 / (1 + wishes.tolerance) if above.full else DOWN_MOST
    return min(max(math.pow(above.worst, -SLACK), DOWN_LEAST), least)


def _inside(below: Tried, above: Tried) -> float:
    """Where the ratio is expected to be 1, on the line between the two in logarithms."""
    part = 0.5
    if below.worst and above.worst and below.worst < 1 < above.worst:
        low, high = math.log(below.worst), math.log(above.worst)
        part = min(max(-low / (high - low), INSIDE[0]), INSIDE[1])
    return below.rate * math.exp(part * math.log(above.rate / below.rate))


def _why(below: Tried | None, above: Tried | None) -> str:
    if below is None and above is None:
        return "the first"
    if above is None:
        return f"{below.rate:g} held" if below else ""
    if below is None:
        return f"{above.rate:g} did not hold"
    return f"{below.rate:g} held, {above.rate:g} did not"


def _rounded(rate: float) -> float:
    return float(f"{rate:.{DIGITS}g}")


def _floored(rate: float) -> float:
    step = 10.0 ** (math.floor(math.log10(rate)) - DIGITS + 1)
    return float(f"{math.floor(rate / step + 1e-9) * step:.{DIGITS}g}")
