"""What a simulation foretells, for a person and for programs. Its error comes first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from sut.figure_text import figure_text, of_limit
from sut.simulate.figures import Against
from sut.simulate.foretell import Foretold, Predicted
from sut.simulate.source import Source

NOTICE = "These are predictions of a model. None of them was measured."
WIDTH = 100
DISTURBED = 0.1
"""Of the processor: less of it hides in the noise of any run."""
LEFT_OUT = (
    "The model knows nothing of the KV cache's end, of how long a sequence is already, nor of "
    "what else runs on the machine."
)


def simulation_text(found: Foretold) -> str:
    """The whole text."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Foretold) -> Iterator[str]:
    queries = len(found.source.recorded.work)
    yield NOTICE
    yield ""
    yield f"The model, fitted to {queries} queries of {found.source.name}:"
    yield f"  {found.model.sentence}"
    if found.source.left_out:
        yield f"  {found.source.left_out} queries that did not succeed are left out"
    yield from _caveats(found.source)
    if found.source.preempted:
        times = f"{found.source.preempted:.0f}"
        yield f"  the engine pre-empted {times} times, which no simulation does"
    yield ""
    yield "Its error, by foretelling the very run that it was fitted to:"
    yield from _table(found.own)
    for other in found.others:
        yield ""
        yield f"Foretold and measured: {other.source.name}{_settings(other.predicted)}"
        yield from _caveats(other.source)
        yield from _table(other.figures)
        yield from _limits(other.predicted)
    if found.asked is not None:
        yield ""
        yield f"Foretold{_settings(found.asked)}, {found.asked.queries} queries"
        for name, value in found.asked.figures.items():
            yield f"  {name:18}{figure_text(value, 5):>14}"
        yield from _limits(found.asked)
    yield ""
    yield LEFT_OUT


def _caveats(source: Source) -> Iterator[str]:
    """What makes it a run to learn little from: its verdict, and what others did meanwhile."""
    if source.wrong:
        more = f", and {len(source.wrong) - 1} more" if len(source.wrong) > 1 else ""
        yield from textwrap.wrap(
            f"the run is INVALID: {source.wrong[0]}{more}", WIDTH,
            initial_indent="  ", subsequent_indent="    ", break_long_words=False,
        )  # fmt: skip
    share = source.others_share
    if share is not None and share > DISTURBED:
        yield (
            f"  other programs had {share:.0%} of the processor meanwhile: in another run this "
            "engine is another"
        )


def _settings(predicted: Predicted) -> str:
    said = ", ".join(f"{key} {value}" for key, value in predicted.settings.items())
    return f", with {said}" if said else ""


def _table(rows: Sequence[Against]) -> Iterator[str]:
    yield f"  {'':18}{'foretold':>14}{'measured':>14}{'error':>9}"
    for each in rows:
        error = "" if each.error is None else f"{each.error:+.1%}"
        yield (
            f"  {each.name:18}{figure_text(each.predicted, 5):>14}"
            f"{figure_text(each.measured, 5):>14}{error:>9}"
        )


def _limits(predicted: Predicted) -> Iterator[str]:
    for each in predicted.limits:
        state = "would hold" if each.holds else "would be missed"
        allowed = f"{each.allowed} may be" if each.allowed >= 0 else "there are too few queries"
        yield (
            f"  {each.name} {of_limit(each.percentile_ms, each.limit_ms, 5)} ms: "
            f"{state}; {each.over} queries over it, {allowed}"
        )
    if predicted.behind:
        yield "  the queue would grow to the end: more arrives than is answered"
    if predicted.valid is not None:
        verdict = "VALID" if predicted.valid else "INVALID"
        yield f"  by its latency limits it would be {verdict}; that is a prediction, too"


def document_of(found: Foretold) -> dict[str, Any]:
    """For programs; times in ms."""
    return {
        "notice": NOTICE,
        "fitted_from": found.source.name,
        "queries": len(found.source.recorded.work),
        "others_share": found.source.others_share,
        "left_out": found.source.left_out,
        "invalid_because": list(found.source.wrong),
        "model": vars(found.model),
        "own_error": [_against(each) for each in found.own],
        "against": [
            {
                "run": each.source.name,
                "others_share": each.source.others_share,
                "invalid_because": list(each.source.wrong),
                "figures": [_against(row) for row in each.figures],
                "predicted": _predicted(each.predicted),
            }
            for each in found.others
        ],
        "predicted": None if found.asked is None else _predicted(found.asked),
    }


def _against(each: Against) -> dict[str, Any]:
    return {
        "figure": each.name,
        "predicted": each.predicted,
        "measured": each.measured,
        "error": each.error,
    }


def _predicted(each: Predicted) -> dict[str, Any]:
    return {
        "settings": each.settings,
        "queries": each.queries,
        "figures": each.figures,
        "limits": [{**vars(limit), "would_hold": limit.holds} for limit in each.limits],
        "would_fall_behind": each.behind,
        "would_be_valid_by_its_limits": each.valid,
    }
