"""The first figures of a run, each with its unit and its formula."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.report.formulas import RATES, TIMES
from sut.report.lines import latency_of_one
from sut.result.schema import RunResult

# Beyond it nobody counts digits.


@dataclass(frozen=True)
class Tile:
    """One figure."""

    figure: str
    what: str
    formula: str


def tiles(scenario: Scenario, run: RunResult) -> list[Tile]:
    """Those of a performance run; a kind of time that it does not have has none."""
    return [
        *_known_by(scenario, run), *_rates(scenario, run), *_times(run), *_counts(run),
        *_of_card(run),
    ]  # fmt: skip


def _known_by(scenario: Scenario, run: RunResult) -> Iterator[Tile]:
    if (found := latency_of_one(scenario, run)) is not None:
        percentile, value = found
        formula = f"{percentile} of {TIMES['latency']}: SingleStream's metric"
        yield Tile(figure_text(value), f"ms latency, {percentile}", formula)


def _rates(scenario: Scenario, run: RunResult) -> Iterator[Tile]:
    rates = RATES[scenario]
    where = f", {rates.where}" if rates.where else ""
    for key, value, what, formula in (
        ("throughput_tokens_per_sec", run.throughput_tokens_per_sec, "tokens/s", rates.tokens),
        ("achieved_qps", run.achieved_qps, "samples/s", rates.samples),
    ):
        if run.figure_sources.get(key) == "ledger":
            formula = "of what succeeded, over first issue to last end, by our ledger"
            yield Tile(figure_text(value), what, formula)
        else:
            yield Tile(figure_text(value), what, f"{formula}{where}")


def _times(run: RunResult) -> Iterator[Tile]:
    for name, words in (("ttft", "TTFT"), ("tpot", "TPOT"), ("latency", "latency")):
        found = getattr(run, name)
        if found is not None:
            value = None if found.p99_ns is None else found.p99_ns / 1e6
            whose = "" if found.source == "loadgen" else ", by our ledger from the issue"
            yield Tile(figure_text(value), f"ms {words}, P99", f"P99 of {TIMES[name]}{whose}")


def _counts(run: RunResult) -> Iterator[Tile]:
    queries = run.queries
    yield Tile(
        f"{queries.succeeded:,}", f"of {queries.issued:,} samples answered",
        "answers that ended properly and are not empty, by our ledger",
    )  # fmt: skip


def _of_card(run: RunResult) -> Iterator[Tile]:
    limit = run.card_limit
    if limit is not None and limit.reached is not None:
        yield Tile(
            f"{limit.reached:.0%}", f"of what the card can do ({limit.binding} binds)",
            "samples/s / those of the roofline in series",
        )  # fmt: skip
    if run.energy_per_token_j is not None:
        yield Tile(
            figure_text(run.energy_per_token_j, 3), "J a token, no MLPerf Power result",
            "energy by the cards' counters / output tokens",
        )  # fmt: skip
