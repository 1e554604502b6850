"""What the summary says of cards: limits, load, what held them back."""

from __future__ import annotations

from collections.abc import Iterable

from sut.capacity.cards import card_named
from sut.capacity.published import Published, standing
from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.report.lines import number, row
from sut.result.schema import CardLimit, Result, RunResult


def most(limit: CardLimit | None) -> Iterable[str]:
    """How near the run came to what its cards can do; nothing where that is not known."""
    if limit is None:
        return
    yield row(
        f"most that {limit.cards} x {limit.card} can do",
        f"{figure_text(limit.samples_per_s_in_series)} samples/s "
        f"({figure_text(limit.samples_per_s_overlapped)} if prompts and answers overlap), "
        f"bound by {limit.binding}",
    )
    if limit.reached is not None and limit.mfu is not None and limit.mbu is not None:
        yield row(
            "  reached",
            f"{limit.reached:.0%} of it, {limit.mfu:.0%} of the matrix rate, "
            f"{limit.mbu:.0%} of the bandwidth by decoding",
        )


def among_published(result: Result, scenario: Scenario, run: RunResult) -> Iterable[str]:
    """Where the tokens/s of one card stand among MLCommons' published ones."""
    limit, rate = run.card_limit, run.throughput_tokens_per_sec
    if limit is None or rate is None or run.mode != "performance":
        return
    each = rate / limit.cards
    found = standing(result.benchmark_info.benchmark_id, scenario, each, card_named(limit.card))
    if found is None:
        return
    comparable = "" if result.submission_grade else ", which are official and this is not"
    yield row(
        "tokens/s a card among published",
        f"{figure_text(each, 5)}, above {found.below} of {found.among} closed results{comparable}",
    )
    if found.same_card:
        low, high = found.same_card[0], found.same_card[-1]
        yield row(
            f"  on {limit.card}",
            f"{_published(low)} to {_published(high)}",
        )


def _published(found: Published) -> str:
    rate = figure_text(found.per_accelerator, 5)
    return f"{rate} ({found.submitter}, {found.round}, {found.weights})"


def cards(run: RunResult) -> Iterable[str]:
    """What each card did meanwhile, and what held it back."""
    for place, card in enumerate(run.cards):
        name = f"card {place}"
        yield row(
            name,
            f"{number(card.sm_mhz_median)} MHz (least {number(card.sm_mhz_least)}), "
            f"{number(card.power_w_mean)} W (most {number(card.power_w_most)}), "
            f"{number(card.temperature_c_most)} C at most",
        )
        if card.held_back:
            found = ", ".join(f"{why} {share:.0%}" for why, share in card.held_back.items())
            yield row(f"  {name} held back by", f"{found} of the time")
    if run.energy_per_token_j is not None:
        yield row("energy per token (J)", f"{run.energy_per_token_j:.4g}, no MLPerf Power result")
