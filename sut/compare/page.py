"""A comparison as one page without a script, in the style of report.html."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from sut.compare.alike import Unlike
from sut.compare.comparison import Comparison
from sut.compare.text import band_text
from sut.compare.verdict import Row, Verdict
from sut.figure_text import figure_text
from sut.report.page.sortable import MOST, Key, as_given, largest_first, sortable
from sut.report.templates import template

TEMPLATE = Path(__file__).parent / "page.html"
DIFFERENCES: Mapping[str, Key[Unlike]] = {
    "kind": as_given,
    "name": lambda each: each.difference.key.casefold(),
}


def comparison_html(comparison: Comparison) -> str:
    """The page."""
    filters: dict[str, Callable[..., str]] = {
        "figure": partial(figure_text, digits=5),
        "band": band_text,
    }
    names = [each.name for each in comparison.parties]
    orders = orders_of(names)
    scenarios = dict.fromkeys(row.scenario for row in comparison.rows)
    rows = {each: [row for row in comparison.rows if row.scenario is each] for each in scenarios}
    return template(TEMPLATE, filters).render(
        comparison=comparison,
        names=names,
        columns=list(_columns(names)),
        scenarios=[(each, sortable(mine, orders)) for each, mine in rows.items()],
        unlike=sortable(comparison.unlike, DIFFERENCES),
        notes=list(comparison.notes()),
    )


def _columns(names: Sequence[str]) -> Sequence[str]:
    first, *others = names
    of_others = (each for name in others for each in (name, "verdict", f"{name} / {first}"))
    return ["figure", first, *of_others, "better"]


def orders_of(names: Sequence[str]) -> dict[str, Key[Row]]:
    """The orders of the figures: as written, and by what changed most, of each that has a place.

    Args:
        names: of the parties, the first one's first.
    """
    orders: dict[str, Key[Row]] = {
        "figures": as_given,
        "name": lambda row: row.figure.name.casefold(),
        "worse first": lambda row: -sum(each.verdict is Verdict.WORSE for each in row.cells),
    }
    for place, name in enumerate(names[1 : MOST - len(orders) + 1], 1):
        orders[f"change of {name}"] = partial(_change, place)
    return orders


def _change(place: int, row: Row) -> tuple[bool, float]:
    ratio = row.cells[place].ratio
    return largest_first(abs(math.log(ratio)) if ratio else None)
