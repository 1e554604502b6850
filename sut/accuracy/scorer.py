"""What a scorer is: answers and references as texts in, figures out.

Each is one file of `sut/accuracy/scorers`, whose `make` gives it as it is on this machine. The
round's file names the one that a benchmark is scored with (`scorer`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Metric:
    """One figure of an evaluation.

    Attributes:
        name: the submission checker's, as in `accuracy_min` of the round's file.
        key: the official script's, as it prints the figure into accuracy.txt.
        form: how it prints the value, as a format string.
    """

    name: str
    key: str
    form: str = "{}"


@dataclass(frozen=True)
class Scored:
    """The figures of a set of answers.

    Attributes:
        values: by the metric's name; what is not in it was not measured.
        characters: of all answers, as they were scored.
    """

    values: Mapping[str, float]
    characters: int


class Scorer(Protocol):
    """One way to score answers."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """All that it can measure, in the order of the official script's output."""

    @property
    def tool(self) -> str | None:
        """Name and version of what it found on this machine and needs; None: nothing."""

    @property
    def lacking(self) -> Mapping[str, str]:
        """What it cannot measure on this machine: the metric's name → why, and what helps."""

    def score(self, answers: Sequence[str], references: Sequence[str] | None) -> Scored:
        """Score answers.

        Args:
            answers: texts, without special tokens.
            references: texts in the order of `answers`; None: the data set has none.
        """


# What is measured of any answers, whatever scores them; one decimal, as the scripts print it.
TOKENS_PER_SAMPLE = Metric("TOKENS_PER_SAMPLE", "tokens_per_sample")
