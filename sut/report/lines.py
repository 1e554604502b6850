"""A line of the summary: a name, and what is to be said of it."""

from __future__ import annotations

from sut.figure_text import figure_text

NOT_MEASURED = "not measured"


def row(name: str, value: str) -> str:
    """One line, its value in a column."""
    return f"{name:<32}: {value}"


def number(value: float | None) -> str:
    """A figure with six digits, or that there is none."""
    return NOT_MEASURED if value is None else figure_text(value, 6).replace(",", "")
