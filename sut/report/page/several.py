"""Several sessions → one page: verdicts and figures side by side, distributions in one plot.

It shows, and compares nothing: whether two runs did the same task, and whether they differ beyond
noise, is the verb compare's to say.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.record.session import SessionRecord
from sut.report.page import plots, series
from sut.report.page.build import NAME, generator
from sut.report.page.figures import FORMULAS, Figure
from sut.report.page.sortable import (
    Key,
    Sortable,
    as_given,
    largest_first,
    smallest_first,
    sortable,
)
from sut.report.templates import template
from sut.result.schema import Result, RunResult

TEMPLATE = Path(__file__).parent / "several.html"
COLUMNS = ("tokens/s", "samples/s", "TTFT P99, ms", "TPOT P99, ms", "latency P99, ms", "answered")
# More lines in one plot are told apart by nobody; the tables have all.
DRAWN = 8


@dataclass(frozen=True)
class Session:
    """One of them.

    Attributes:
        letter: that it has on the page.
        link: its own page, as seen from this one; None: there is none.
    """

    letter: str
    result: Result
    record: SessionRecord
    link: str | None


@dataclass(frozen=True)
class Row:
    """One session's run of a scenario."""

    letter: str
    run: RunResult

    @property
    def figures(self) -> list[float | None]:
        """As in COLUMNS, without the last."""
        run = self.run
        times = (run.ttft, run.tpot, run.latency)
        p99s = [None if each is None or each.p99_ns is None else each.p99_ns / 1e6
                for each in times]  # fmt: skip
        return [run.throughput_tokens_per_sec, run.achieved_qps, *p99s]

    @property
    def cells(self) -> list[str]:
        """As in COLUMNS."""
        queries = self.run.queries
        return [*map(figure_text, self.figures), f"{queries.succeeded:,} of {queries.issued:,}"]


def _by(place: int) -> Key[Row]:
    """Times from the smallest, rates from the largest."""
    first = smallest_first if COLUMNS[place].endswith("ms") else largest_first
    return lambda each: first(each.figures[place])


ORDERS: Mapping[str, Key[Row]] = {"letter": as_given} | {
    name: _by(place) for place, name in enumerate(COLUMNS[:-1])
}


@dataclass(frozen=True)
class ScenarioPage:
    """One scenario of all that have it."""

    name: str
    rows: Sortable[Row]
    figures: list[Figure]


def several_html(sessions: Sequence[tuple[Result, SessionRecord]], page: Path) -> str:
    """The page.

    Args:
        sessions: each as judged and as read, in the order in which they are shown.
        page: where it will lie: links are relative to it.
    """
    lettered = [
        Session(_letter(place), result, record, _link(record, page))
        for place, (result, record) in enumerate(sessions)
    ]
    return template(TEMPLATE, {"figure": figure_text}).render(
        sessions=lettered,
        scenarios=[
            each for scenario in Scenario if (each := _scenario(scenario, lettered)).rows.rows
        ],
        columns=COLUMNS,
        generator=generator(),
    )


def _letter(place: int) -> str:
    """A to Z, then A2 and so on."""
    turn, letter = divmod(place, len(ascii_uppercase))
    return f"{ascii_uppercase[letter]}{turn + 1 if turn else ''}"


def _link(record: SessionRecord, page: Path) -> str | None:
    own = record.folder.root / NAME
    return os.path.relpath(own.resolve(), page.resolve().parent) if own.is_file() else None


def _scenario(scenario: Scenario, sessions: Sequence[Session]) -> ScenarioPage:
    having = [each for each in sessions if scenario in each.result.scenarios]
    rows = [Row(each.letter, each.result.scenarios[scenario]) for each in having]
    return ScenarioPage(scenario.value, sortable(rows, ORDERS), list(_figures(scenario, having)))


def _figures(scenario: Scenario, sessions: Sequence[Session]) -> Iterator[Figure]:
    drawn = {each.letter: series.kinds(ledger) for each in sessions[:DRAWN]
             if (ledger := _ledger(scenario, each)) is not None}  # fmt: skip
    for kind, formula in FORMULAS.items():
        lines = {letter: found[kind] for letter, found in drawn.items() if kind in found}
        if lines:
            more = f" The first {DRAWN} of them." if len(sessions) > DRAWN else ""
            note = f"Share of the queries that took at most so long.{more}"
            yield Figure(kind, note, plots.cdfs(lines, f"{kind}, ms"), f"{kind} = {formula}")


def _ledger(scenario: Scenario, session: Session) -> object | None:
    place = f"{scenario.value}/performance"
    found = next((run for run in session.record.runs if run.place == place), None)
    ledger = None if found is None else found.ledger
    return ledger if ledger is not None and ledger.num_rows else None
