"""Each figure of a party against the first one's: ratio, noise, and whether it is beyond that."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sut.compare.figure import Figure, Kind
from sut.compare.noise import of_two_groups, wilson
from sut.compare.party import Measured, Party, figures_of
from sut.config.names import Scenario


class Verdict(StrEnum):
    """What may be said of two figures."""

    SAME = "within noise"
    BETTER = "better"
    WORSE = "worse"
    UNKNOWN = "noise not known"
    MISSING = "not measured"


@dataclass(frozen=True)
class Cell:
    """A party's figure, and how it stands to the first party's.

    Attributes:
        ratio: to the first party's; None where one was not measured.
        noise: half the band of the ratio, as a share; None: not known.
        verdict: None for the first party itself.
    """

    measured: Measured
    ratio: float | None = None
    noise: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Row:
    """One figure of one scenario over all parties."""

    scenario: Scenario
    figure: Figure
    cells: tuple[Cell, ...]


def rows_of(parties: Sequence[Party], tolerance: float = 0.0) -> Iterator[Row]:
    """Every figure of every scenario that all parties ran, but for those that none has.

    Args:
        parties: the first is what the others are held against.
        tolerance: a change that does not matter, as a share; added to the noise.
    """
    for scenario in parties[0].scenarios:
        if not all(scenario in each.scenarios for each in parties):
            continue
        for figure in figures_of(scenario):
            found = [each.measured(scenario, figure) for each in parties]
            if any(each.value is not None for each in found):
                first, *others = found
                cells = [against(figure, first, each, tolerance) for each in others]
                yield Row(scenario, figure, (Cell(first), *cells))


def against(figure: Figure, first: Measured, other: Measured, tolerance: float = 0.0) -> Cell:
    """One figure against the first party's."""
    if first.value is None or other.value is None:
        return Cell(other, verdict=Verdict.MISSING)
    ratio = other.value / first.value if first.value else None
    if figure.kind is Kind.SHARE:
        return Cell(other, ratio, verdict=_of_shares(first, other, tolerance))
    if ratio is None or ratio <= 0:
        return Cell(other, ratio, verdict=Verdict.UNKNOWN)
    noise = of_two_groups(first.repeats, other.repeats)
    if noise is None and first.noise is not None and other.noise is not None:
        noise = math.hypot(first.noise, other.noise)
    # Who states what does not matter is answered by that, where the noise is not known.
    if noise is None and not tolerance:
        return Cell(other, ratio, noise, Verdict.UNKNOWN)
    if abs(math.log(ratio)) <= math.log1p((noise or 0.0) + tolerance):
        return Cell(other, ratio, noise, Verdict.SAME)
    better = (ratio > 1) == figure.higher_is_better
    return Cell(other, ratio, noise, Verdict.BETTER if better else Verdict.WORSE)


def _of_shares(first: Measured, other: Measured, tolerance: float) -> Verdict:
    """Whether the interval of the difference leaves out 0 (Newcombe, 1998, method 10)."""
    if first.counted is None or other.counted is None:
        return Verdict.UNKNOWN
    (a, of_a), (b, of_b) = first.counted, other.counted
    if not of_a or not of_b:
        return Verdict.UNKNOWN
    one, two = a / of_a, b / of_b
    (low_a, high_a), (low_b, high_b) = wilson(a, of_a), wilson(b, of_b)
    change = two - one
    if change + math.hypot(high_b - two, one - low_a) < -tolerance:
        return Verdict.WORSE
    if change - math.hypot(two - low_b, high_a - one) > tolerance:
        return Verdict.BETTER
    return Verdict.SAME
