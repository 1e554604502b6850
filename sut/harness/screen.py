"""The live view: where a run stands, in ten lines of 80 columns; words say what colours do."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text

from sut.config.names import Scenario
from sut.figure_text import figure_text, of_limit
from sut.harness.closely import Figures, SoFar
from sut.harness.eta import Pace
from sut.harness.lookout import Look
from sut.report.plan_text import clock

NAME, FIGURE, BAR = 12, 32, 22
GOOD, BAD = "green", "bold red"
UNICODE, ASCII = ("█", "░"), ("#", "-")


def screen(label: str, pace: Pace, look: Look, *, plain: bool = False) -> Text:
    """The view of one look.

    Args:
        label: what is running, e.g. "Server performance".
        pace: the run's plan.
        look: a close one.
        plain: whether the terminal shows ASCII alone.
    """
    bars = ASCII if plain else UNICODE
    lines = [_head(label, look), *_minima(pace, look, bars)]
    if look.figures is not None:
        lines += _figures(look, look.figures, bars)
    return Text("\n").join(lines)


def _head(label: str, look: Look) -> Text:
    eta = "not known yet" if look.left_s is None else clock(look.left_s)
    return Text.assemble(
        (f"Running {label}", "bold"), f" for {clock(look.seen.elapsed_s)}, ETA {eta}"
    )


def _minima(pace: Pace, look: Look, bars: tuple[str, str]) -> Iterable[Text]:
    """Both must be reached."""
    offline = pace.scenario is Scenario.OFFLINE
    least, ended = pace.min_queries or look.expected, look.seen.ended
    yield _row(
        "samples" if offline else "queries",
        f"{ended:,} of {least:,}{'' if offline else ' at least'}",
        ended / least if least else 1.0,
        bars,
        f"{ended / least:.0%}" if least else "",
    )
    if pace.min_duration_s:
        lasted_s, share = look.seen.elapsed_s, look.seen.elapsed_s / pace.min_duration_s
        told = f"{lasted_s:,.0f} of {pace.min_duration_s:,.0f} s at least"
        yield _row("duration", told, share, bars, f"{share:.0%}")


def _figures(look: Look, figures: Figures, bars: tuple[str, str]) -> Iterable[Text]:
    yield _line("needed", _needed(figures))
    for each in figures.times:
        yield _time(each, bars)
    rates = ((figures.tokens_per_s, "tokens/s"), (figures.answers_per_s, "answers/s"))
    told = [f"{figure_text(value)} {unit}" for value, unit in rates if value is not None]
    yield _line("rate", ", ".join(told) or "not measured yet")
    put_off = "" if figures.preemptions is None else f", {figures.preemptions:,.0f} pre-emptions"
    line = _line("open", f"{look.seen.outstanding:,} outstanding, ")
    line.append(f"{look.failed:,} failed", BAD if look.failed else "")
    line.append(put_off)
    yield line
    on = figures.preempted_on
    if len(on) > 1 and (most := max(on.values())):
        worst = max(on, key=on.__getitem__)
        said = f"replica {worst} has put off most: {most:,.0f} of {sum(on.values()):,.0f}"
        yield _line("replicas", said)


def _needed(figures: Figures) -> str:
    asks = figures.needed_for
    if figures.needed is None and asks is not None:
        return f"{asks.watched.name} is lost: {asks.late:,} are late already"
    why = "" if asks is None else f": {asks.watched.name} with {asks.late:,} late asks for them"
    return f"{figures.needed:,} more{why}" if figures.needed else "no more"


def _time(each: SoFar, bars: tuple[str, str]) -> Text:
    watched = each.watched
    if each.ms is None:
        return _line(watched.name, "not measured yet")
    if watched.limit_ms is None:
        return _line(watched.name, f"{figure_text(each.ms)} ms")
    told = f"{of_limit(each.ms, watched.limit_ms)} ms"
    word, style = ("within", GOOD) if each.within else ("OVER", BAD)
    return _row(watched.name, told, each.ms / watched.limit_ms, bars, word, style)


def _line(name: str, told: str) -> Text:
    return Text(f"{name:<{NAME}}{told}")


def _row(
    name: str, told: str, share: float, bars: tuple[str, str], word: str, style: str = ""
) -> Text:
    full = int(min(share, 1.0) * BAR)
    bar = bars[0] * full + bars[1] * (BAR - full)
    return Text.assemble(f"{name:<{NAME}}{told:<{FIGURE}}{bar} ", (word, style))
