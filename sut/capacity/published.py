"""MLCommons' published results for this benchmark, and where a figure stands among them.

`user_confs/published.csv` was copied from the public result repositories that its last column
names, 2026-11-27; of v6.1 11 rows were held against the submitters' logs, of v5.1 and v6.0 all.
A figure for each accelerator is the reader's division; MLPerf has no such metric. Boards of two
GPUs and systems without accelerators have 0 accelerators here and are not compared.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sut.capacity.cards import Card
from sut.config.shipped import CONF_ROOT

PUBLISHED_FILE = CONF_ROOT / "published.csv"
CLOSED, TOKENS_PER_S = "closed", "Tokens/s"


@dataclass(frozen=True)
class Published:
    """One published result.

    Attributes:
        per_accelerator: tokens/s over the number of accelerators.
        weights: types of the weights, as the submitter wrote them.
    """

    round: str
    submitter: str
    accelerator: str
    benchmark: str
    scenario: str
    per_accelerator: float
    weights: str


@dataclass(frozen=True)
class Standing:
    """A figure among the published ones of its scenario, tokens/s an accelerator.

    Attributes:
        below: published results that are lower.
        among: all of them.
        same_card: those on the card itself, the lowest first.
    """

    below: int
    among: int
    same_card: tuple[Published, ...]


@cache
def published(path: Path = PUBLISHED_FILE) -> tuple[Published, ...]:
    """The closed division's throughputs, each for one accelerator."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return tuple(
        Published(
            round=row["round"],
            submitter=row["submitter"],
            accelerator=row["accelerator"],
            benchmark=row["benchmark"],
            scenario=row["scenario"],
            per_accelerator=float(row["metric"]) / int(row["accelerators"]),
            weights=row["weights"],
        )
        for row in rows
        if row["division"] == CLOSED
        and row["unit"] == TOKENS_PER_S
        and int(row["accelerators"])
        and "+" not in row["accelerator"]
    )


def published_of(benchmark: str, scenario: str) -> list[Published]:
    """Those of one scenario of a benchmark."""
    return [
        each for each in published() if (each.benchmark, each.scenario) == (benchmark, scenario)
    ]


def standing(
    benchmark: str, scenario: str, tokens_per_s: float, card: Card | None
) -> Standing | None:
    """Where a figure for one accelerator stands; None where nothing was published."""
    rows = published_of(benchmark, scenario)
    if not rows:
        return None
    own = card.published_as if card is not None else ()
    same = sorted(
        (each for each in rows if each.accelerator in own), key=lambda each: each.per_accelerator
    )
    below = sum(each.per_accelerator < tokens_per_s for each in rows)
    return Standing(below, len(rows), tuple(same))
