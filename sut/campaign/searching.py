"""What a search is as a stage: its find is a setting of the stages after it of its scenario.

A search that has found nothing yet keeps them waiting, another search among them. First come the
engine's settings, then the highest rate with these, then accuracy and compliance with both.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from rich.console import Console

from sut.campaign.measuring import Measuring
from sut.campaign.plan import Override
from sut.config.names import Scenario
from sut.report.plan_text import clock

ORIGIN = "campaign"


@dataclass(frozen=True)
class Estimate:
    """How long a stage will take.

    Attributes:
        seconds: expected; where that is not known, at least.
        known: whether it is expected.
        why: what it rests on.
    """

    seconds: float
    known: bool
    why: str

    @property
    def text(self) -> str:
        """For a table."""
        if self.known:
            return f"about {clock(self.seconds)}: {self.why}"
        return f"not known, {clock(self.seconds)} at least: {self.why}"


class Search(Protocol):
    """A search of one scenario, about its performance run.

    Attributes:
        is_run: what it leaves is a session, the performance run itself; else it is a stage beside
            that run, and leaves its folder.
        awaited: what a stage says that waits for it.
    """

    is_run: ClassVar[bool]
    awaited: ClassVar[str]

    def inputs(self, each: Measuring) -> dict[str, Any]:
        """All that decides what it finds."""
        ...

    def holds(self, each: Measuring, left: Path) -> bool:
        """Whether what an earlier call left is still a whole search of this run."""
        ...

    def estimate(self, each: Measuring, out: Path) -> Estimate:
        """How long it will take at first."""
        ...

    def find(self, each: Measuring, out: Path, console: Console) -> Path:
        """Search, or go on with the search of these inputs.

        Args:
            each: the performance run that it is about.
            out: the campaign's folder.
            console: for progress.

        Raises:
            KeyboardInterrupt: the user ended it; the next call goes on.
            HarnessError: it found nothing, or could not be made.
        """
        ...

    def taken(self, each: Measuring, left: Path | None) -> list[Override]:
        """What the stages after it take, each with where it is from.

        Args:
            each: the performance run that it is about.
            left: what it left; None: it has found nothing yet.
        """
        ...


def folder_of(out: Path, scenario: Scenario, inputs: Mapping[str, Any]) -> Path:
    """The folder of a search: one with other inputs is another search, and has another."""
    text = json.dumps(inputs, sort_keys=True, default=str)
    return out / f"{scenario.value}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
