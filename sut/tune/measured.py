"""What one trial of a search showed, as its folder keeps it."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from sut.config.keys import sentence
from sut.errors import ConfigError, LogError
from sut.record.folder import write_atomic
from sut.record.session import read_document
from sut.tune.space import Settings


class Purpose(StrEnum):
    """What a trial is for."""

    GIVEN = "given"
    SEARCH = "search"
    REPEAT = "repeat"
    EFFECT = "effect"


@dataclass(frozen=True)
class Measured:
    """One trial.

    Attributes:
        number: from 1.
        purpose: what it was for.
        settings: of every parameter.
        value: what is to be as high as can be; None: the trial failed.
        failed: why; None: it did not.
        cost_s: seconds from the start of its process to the end.
        session: folder of its run, below the search's; None: there is none.
        figures: what else it showed, by name and unit.
        smoke: metrics of its answers; empty: nobody asked.
    """

    number: int
    purpose: Purpose
    settings: Settings
    value: Annotated[float, Field(allow_inf_nan=False)] | None
    failed: str | None
    cost_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    session: str | None = None
    figures: dict[str, float] = field(default_factory=dict)
    smoke: dict[str, float] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Keep it."""
        write_atomic(path, json.dumps(asdict(self), indent=2) + "\n")


_MEASURED = TypeAdapter(Measured)


def read_measured(trials: Path) -> list[Measured]:
    """Every trial that came to an end, by number; one that was cut off has no file.

    Raises:
        ConfigError: naming a file that is none of ours, and what is wrong with it.
    """
    found = [_read(path) for path in trials.glob("*/trial.json")]
    return sorted(found, key=lambda each: each.number)


def _read(path: Path) -> Measured:
    try:
        made = _MEASURED.validate_python(read_document(path))
    except LogError as error:
        said = error.message
    except ValidationError as error:
        said = sentence(error)
    else:
        if made.value is None and made.failed is None:
            said = "value is null, and failed does not say why."
        elif path.parent.name == f"{made.number:03d}":
            return made
        else:
            said = f"number is {made.number}, must be that of its folder."
    raise ConfigError(
        f"the record of a trial cannot be read: {said}",
        where=str(path),
        remedy=f"Remove {path.parent}; the trial is made again.",
    )


def same(one: Settings, other: Settings) -> bool:
    """Whether two trials had the same settings; a yes is not a 1."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def values_at(measured: Sequence[Measured], settings: Settings) -> list[float]:
    """The value of each trial with these settings, in order; none of one that failed."""
    return [
        each.value for each in measured if each.value is not None and same(each.settings, settings)
    ]


def best_of(measured: Sequence[Measured]) -> Settings | None:
    """The settings with the highest median that never failed; None where all did."""
    failed = [each.settings for each in measured if each.failed is not None]
    sound = [each for each in measured if not any(same(each.settings, one) for one in failed)]
    return max(
        (each.settings for each in sound),
        key=lambda settings: statistics.median(values_at(measured, settings)),
        default=None,
    )
