"""What a trial is worth, read from the folders of its runs, under the rules of any run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.metrics import Distribution
from sut.peak.trial import read_trial
from sut.record.session import read_session
from sut.result.build import result_of
from sut.result.schema import RunResult
from sut.rules.check import Check

OF_SPEED = frozenset(
    (
        *("loadgen-verdict", "early-stopping", "latency-constraints", "min-duration"),
        *("ttft", "tpot", "latency-p99"),
    )
)
"""Rules that a slow engine alone breaks: how near they are is what Server is searched for."""
SMOKE_KEEPS = 0.97
"""Share of the given settings' metrics that other settings must keep."""
UNIT = {
    Scenario.OFFLINE: "tokens/s",
    Scenario.SERVER: "of the nearest limit's headroom",
    Scenario.INTERACTIVE: "of the nearest limit's headroom",
}
NS_PER_MS = 1e6


@dataclass(frozen=True)
class Judged:
    """One run of a trial.

    Attributes:
        value: what is to be as high as can be; None: it failed.
        failed: why.
        figures: what else it showed.
    """

    value: float | None
    failed: str | None
    figures: dict[str, float] = field(default_factory=dict)


def session_in(folder: Path) -> Path | None:
    """The session that a run has left in a folder; None: none with facts."""
    found = sorted(folder.glob("*/session.json"))
    return found[-1].parent if found else None


def judged(session: Path, scenario: Scenario) -> Judged:
    """What the performance run of a trial is worth.

    Offline: tokens/s of a run that is VALID. Server and Interactive: what is allowed over what was
    measured, at the limit that is nearest, of a run that breaks no rule but those of speed.
    """
    record = read_session(session)
    result = result_of(record).scenarios.get(scenario)
    if result is None:
        return Judged(None, "no run was made")
    broken = _broken(result.checks, scenario)
    if result.engine_failure or result.incidents or broken:
        return Judged(None, "; ".join([*result.incidents, *broken]) or result.engine_failure)
    if scenario is Scenario.OFFLINE:
        return Judged(result.throughput_tokens_per_sec, None, figures_of(result))
    trial = read_trial(session, full=False)
    worst = None if trial is None else trial.worst
    if trial is None or worst is None:
        return Judged(None, (trial and trial.given_up) or "no time was measured")
    return Judged(1 / worst[1], None, figures_of(result) | {"target_qps": trial.rate})


def _broken(checks: list[Check], scenario: Scenario) -> list[str]:
    free = frozenset() if scenario is Scenario.OFFLINE else OF_SPEED
    return [each.reason for each in checks if not each.passed and each.rule not in free]


def figures_of(result: RunResult) -> dict[str, float]:
    """What a reader wants beside the value; nothing that was not measured."""
    found: dict[str, float | None] = {
        "samples": float(result.queries.issued),
        "samples_per_s": result.achieved_qps,
        "tokens_per_s": result.throughput_tokens_per_sec,
        "ttft_p99_ms": _p99_ms(result.ttft),
        "tpot_p99_ms": _p99_ms(result.tpot),
    }
    return {name: value for name, value in found.items() if value is not None}


def _p99_ms(told: Distribution | None) -> float | None:
    return None if told is None or told.p99_ns is None else told.p99_ns / NS_PER_MS


def smoke_of(session: Path, scenario: Scenario) -> Judged:
    """The metrics of the answers to the first samples, in `figures`; failed where they are bad."""
    result = result_of(read_session(session)).scenarios.get(scenario)
    found = None if result is None else result.evaluation
    if found is None:
        return Judged(None, "its answers could not be scored")
    if found.problems:
        return Judged(None, f"its answers are bad: {'; '.join(found.problems)}")
    wanted = found.targets or found.metrics
    metrics = {name: value for name in wanted if (value := found.metrics.get(name)) is not None}
    return Judged(None, None, metrics)


def lost_by_smoke(metrics: Mapping[str, float], given: Mapping[str, float]) -> str | None:
    """Which metric fell too far below that of the given settings; None: none did."""
    for name, value in metrics.items():
        least = SMOKE_KEEPS * given.get(name, 0.0)
        if value < least:
            return (
                f"its answers have {name} {figure_text(value)}, and {figure_text(least)} is "
                f"{SMOKE_KEEPS:.0%} of what the given settings have"
            )
    return None
