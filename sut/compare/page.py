"""A comparison as one page without a script, in the style of report.html."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from sut.compare.comparison import Comparison
from sut.compare.text import band_text
from sut.figure_text import figure_text
from sut.report.templates import template

TEMPLATE = Path(__file__).parent / "page.html"


def comparison_html(comparison: Comparison) -> str:
    """The page."""
    filters: dict[str, Callable[..., str]] = {
        "figure": partial(figure_text, digits=5),
        "band": band_text,
    }
    return template(TEMPLATE, filters).render(
        comparison=comparison,
        names=[each.name for each in comparison.parties],
        scenarios=list(dict.fromkeys(row.scenario for row in comparison.rows)),
        notes=list(comparison.notes()),
    )
