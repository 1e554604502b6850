"""How busy each replica's engine was: told with the signs of life, kept by the driver.

So what a replica told is there when it is lost. A sample that was told twice is kept once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sut.engines.base import RunReport
from sut.record.engine_load import LoadSample


@dataclass(frozen=True)
class Told:
    """What a replica tells of its load in one run.

    Attributes:
        at_ns: its own clock, when it told.
        first: place of the first of these samples among all of the run.
        samples: those that the driver did not have, by the replica's own clock.
        figures: over the run so far, as `RunReport` has them.
    """

    at_ns: int
    first: int
    samples: Sequence[LoadSample]
    figures: Mapping[str, float]


def told_of(report: RunReport, known: int, at_ns: int) -> Told:
    """What a report has beyond so many samples."""
    return Told(at_ns, known, report.load[known:], report.figures)


@dataclass
class Heard:
    """What the driver heard of one replica's load in the run."""

    samples: list[LoadSample] = field(default_factory=list)
    figures: Mapping[str, float] = field(default_factory=dict)

    def take(self, told: Told, replica: int, now_ns: int) -> None:
        """Keep what is new, by the driver's clock.

        Another node's clock counts from another moment: a sample is as old here as it was there,
        and the way between them is the error.

        Args:
            told: its words.
            replica: its number.
            now_ns: the driver's clock, when they came.
        """
        ahead_ns = now_ns - told.at_ns
        for sample in told.samples[len(self.samples) - told.first :]:
            own = {"monotonic_ns": sample.monotonic_ns + ahead_ns, "replica": replica}
            self.samples.append(sample.model_copy(update=own))
        self.figures = told.figures
