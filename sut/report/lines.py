"""A line of the summary: a name, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sut.figure_text import figure_text
from sut.result.schema import RunResult

NOT_MEASURED = "not measured"


def row(name: str, value: str) -> str:
    """One line, its value in a column."""
    return f"{name:<32}: {value}"


def number(value: float | None) -> str:
    """A figure with six digits, or that there is none."""
    return NOT_MEASURED if value is None else figure_text(value, 6).replace(",", "")


def unjudged(runs: Iterable[tuple[str, RunResult]]) -> Iterator[str]:
    """For each run that failed: the checks that nobody could judge, for want of a figure."""
    for name, run in runs:
        names = [each.name for each in run.checks if not each.judged]
        if names:
            yield f"{name}: not measured, so not judged: {', '.join(names)}"
