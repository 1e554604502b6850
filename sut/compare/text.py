"""A comparison for the terminal: 80 columns, each further party a row below the first's figure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from sut.compare.comparison import Comparison
from sut.compare.verdict import Cell, Row, Verdict
from sut.figure_text import figure_text

WIDTH = 80
# So many differences are told; the page and the JSON have all.
DIFFERENCES = 12
HEAD = f"{'':22}{'':3}{'value':>12} {'noise':>8}  {'to A':>7} {'noise':>8}  verdict"


def comparison_text(comparison: Comparison) -> str:
    """The whole text."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    for party in comparison.parties:
        info = party.first.benchmark_info
        more = f", {len(party.sessions)} repeats" if len(party.sessions) > 1 else ""
        state = "VALID" if party.valid else "INVALID"
        yield f"{party.name}  {info.node} {info.timestamp}, {info.model}, {state}{more}"
    yield ""
    yield from _differences(comparison)
    scenario = None
    for row in comparison.rows:
        if row.scenario is not scenario:
            scenario = row.scenario
            yield ""
            yield f"{scenario.value:22}{HEAD[22:]}"
        yield from _row(row, [each.name for each in comparison.parties])
    yield ""
    for note in comparison.notes():
        yield from _wrapped(note)


def _differences(comparison: Comparison) -> Iterator[str]:
    if not comparison.unlike:
        yield "The same task, engine settings, machine and software."
        return
    if comparison.comparable:
        areas = dict.fromkeys(each.area.value for each in comparison.unlike)
        yield from _wrapped(f"The same task. They differ in {', '.join(areas)}:")
    else:
        yield "NOT COMPARABLE: this is not the same task. They differ in:"
    for each in comparison.unlike[:DIFFERENCES]:
        yield from _wrapped(f"{each.area.value}: {each.sentence}", "  ")
    rest = len(comparison.unlike) - DIFFERENCES
    if rest > 0:
        yield f"  and {rest} more; --html and --json have all"


def _row(row: Row, names: list[str]) -> Iterator[str]:
    for number, (name, cell) in enumerate(zip(names, row.cells, strict=True)):
        label = row.figure.name if number == 0 else ""
        yield f"  {label:20}{name:3}{_cell(cell)}".rstrip()


def _cell(cell: Cell) -> str:
    value = figure_text(cell.measured.value, 5)
    start = f"{value:>12} {band_text(cell.measured.noise):>8}"
    if cell.verdict is None:
        return start
    ratio = "" if cell.ratio is None else f"{cell.ratio:.3f}"
    verdict = "" if cell.verdict is Verdict.MISSING else cell.verdict.value
    return f"{start}  {ratio:>7} {band_text(cell.noise):>8}  {verdict}"


def band_text(noise: float | None) -> str:
    """Half a band in percent; nothing where none is known."""
    return "" if noise is None else f"±{noise:.1%}"


def _wrapped(text: str, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
