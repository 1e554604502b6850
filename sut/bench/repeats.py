"""What a measurement says that was repeated, and whether a ratio of two says anything.

A machine that other work shares gives two figures for one thing. So patterns alternate, a figure is
the median of rounds with the least and the greatest beside it, and a ratio is refused where the
machine repeats its own figure worse than a stated amount.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

ROUNDS = 5
"""Rounds that a ratio needs at least."""
MOST_NOISE = 0.25
"""What the repeats of one figure may differ by, as a share of their median, for a ratio of it."""


@dataclass(frozen=True)
class Repeats:
    """One figure, round by round; at least one round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def noise(self) -> float | None:
        """How far the repeats lie apart: greatest less least over their median; None of one."""
        if len(self.values) < 2 or not self.median:
            return None
        return (max(self.values) - min(self.values)) / abs(self.median)

    def shown(self, digits: int = 4) -> str:
        """Median, least and greatest."""
        low, high = min(self.values), max(self.values)
        return f"{self.median:.{digits}g} ({low:.{digits}g} to {high:.{digits}g})"


@dataclass(frozen=True)
class Ratio:
    """One figure over another, round by round.

    Attributes:
        median: over the rounds; None where it is refused.
        rounds: of each round.
        refused: why it says nothing; None: it may be quoted.
    """

    median: float | None
    rounds: tuple[float, ...]
    refused: str | None

    def shown(self) -> str:
        """The ratio with its rounds, or why there is none."""
        if self.median is None:
            return f"no ratio: {self.refused}"
        rounds = ", ".join(f"{each:.3f}" for each in self.rounds)
        return f"{self.median:.3f} ({rounds})"


def ratio_of(
    above: Sequence[float],
    below: Sequence[float],
    most_noise: float = MOST_NOISE,
    least_rounds: int = ROUNDS,
) -> Ratio:
    """One figure over another, measured in turn.

    Args:
        above: of each round.
        below: of the same rounds; its repeats say how well the machine repeats itself.
        most_noise: what they may differ by, as a share of their median.
        least_rounds: below so many the rounds say nothing of the noise.
    """
    rounds = tuple(one / other for one, other in zip(above, below, strict=True) if other)
    refused = None
    if len(rounds) < least_rounds:
        refused = f"{len(rounds)} rounds, and {least_rounds} are the least"
    elif (noise := Repeats(tuple(below)).noise) is not None and noise > most_noise:
        refused = (
            f"this machine's own repeats differ by {noise:.0%}, and {most_noise:.0%} is the most"
        )
    return Ratio(None if refused else statistics.median(rounds), rounds, refused)
