"""Where a run's cards stand: beside what they can do, and among MLCommons' published results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sut.capacity.cards import card_named
from sut.capacity.published import Published, published_of, standing
from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.report.page import plots
from sut.report.page.figures import Figure
from sut.report.page.sortable import Key, Sortable, largest_first, sortable
from sut.result.schema import Result, RunResult

ORDERS: Mapping[str, Key[Published]] = {
    "tokens/s": lambda each: largest_first(each.per_accelerator),
    "submitter": lambda each: each.submitter.casefold(),
    "round": lambda each: each.round,
    "weights": lambda each: each.weights.casefold(),
}


@dataclass(frozen=True)
class Place:
    """One run's cards among the published ones.

    Attributes:
        sentence: how many are lower, and whether the figures compare.
        figure: every published figure of the scenario, and this one.
        same_card: the published results on this card.
    """

    sentence: str
    figure: Figure
    same_card: Sortable[Published]


def place(result: Result, scenario: Scenario, run: RunResult) -> Place | None:
    """None without a known card, a rate, or a published result of the scenario."""
    limit, rate = run.card_limit, run.throughput_tokens_per_sec
    if limit is None or rate is None or run.mode != "performance":
        return None
    own, card, benchmark = rate / limit.cards, card_named(limit.card), result.benchmark_info
    found = standing(benchmark.benchmark_id, scenario, own, card)
    if found is None:
        return None
    official = "" if result.submission_grade else " They are official results, and this is none."
    sentence = (
        f"{figure_text(own, 5)} tokens/s a card, above {found.below} of {found.among}.{official}"
    )
    every = [each.per_accelerator for each in published_of(benchmark.benchmark_id, scenario)]
    same = [each.per_accelerator for each in found.same_card]
    note = f"Small: each published one. Large: those on {limit.card}. Dashed: this run."
    svg = plots.strip(every, same, own, "tokens/s an accelerator")
    formula = "tokens/s of the system / its accelerators; MLPerf has no such metric"
    figure = Figure("Among published results", note, svg, formula)
    return Place(sentence, figure, sortable(found.same_card, ORDERS))
