"""What every form of a report says alike: a row, what to do, what failed, what was not judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.result.schema import RunResult

NOT_MEASURED = "not measured"
AGAIN = "It was interrupted, and what was measured until then is kept. Run it again."


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


def what_to_do(runs: Iterable[tuple[str, RunResult]]) -> Iterator[str]:
    """For each run what to set or to do, the run's name first."""
    for name, run in runs:
        yield from (f"{name}: {each}" for each in run.advice)
        if _interrupted(run):
            yield f"{name}: {AGAIN}"


def causes_first(
    reasons: Iterable[str], runs: Iterable[tuple[str, RunResult]]
) -> tuple[list[str], list[str]]:
    """A result's reasons, and apart from them those that only follow from an interruption.

    A run that was cut off has a log without an end, and much else that is not whole.
    """
    told: list[str] = []
    follow: list[str] = []
    cut = {
        f"{name}: ": {f"{name}: {each.reason}" for each in run.checks if each.rule == "run-ended"}
        for name, run in runs
        if _interrupted(run)
    }
    for reason in reasons:
        own = next((causes for name, causes in cut.items() if reason.startswith(name)), None)
        (told if own is None or reason in own else follow).append(reason)
    return told, follow


def _interrupted(run: RunResult) -> bool:
    return any(
        each.rule == "run-ended" and each.measured is True and each.limit is False
        for each in run.checks
    )


def latency_of_one(scenario: Scenario, run: RunResult) -> tuple[str, float] | None:
    """The figure by which SingleStream is known: its percentile's name, and ms; else None."""
    share = run.loadgen.settings_effective.get("effective_target_latency_percentile")
    if scenario is not Scenario.SINGLE_STREAM or run.mode != "performance" or run.latency is None:
        return None
    if not isinstance(share, float):
        return None
    value = getattr(run.latency, f"p{share * 100:.6g}_ns".replace(".", "_"), None)
    return None if value is None else (f"P{share * 100:.6g}", value / 1e6)
