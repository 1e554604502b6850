"""The harness alone, on an engine that answers at once: what LoadGen, socket and code cost."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console

from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import Interrupted
from sut.harness.session import Outcome, run_benchmark
from sut.result.schema import RunResult

NS_PER_MS = 1e6
Override = tuple[str, object, str]
Loader = Callable[[Sequence[Override]], Loaded]


def setting(key: str, value: object) -> Override:
    """An override made by the benchmark itself."""
    return key, value, "sut bench"


@dataclass(frozen=True)
class Refused:
    """A run whose figures are not taken: it is INVALID."""

    scenario: str
    part: str
    """Which of the measurements it was to give: a round, or a rate."""
    invalid_because: list[str]
    session: str
    """The folder of the session, where all that was measured is kept."""

    def line(self) -> str:
        """What the user is told."""
        why = "; ".join(self.invalid_because)
        return f"INVALID: {self.part}, {self.scenario}: {why} (kept in {self.session})"


@dataclass(frozen=True)
class HarnessPoint:
    """The harness alone at one rate."""

    scenario: str
    target_qps: float
    completed_qps: float
    samples: int
    ttft_mean_ms: float | None
    ttft_p99_ms: float | None
    data_plane_p99_ms: float | None
    """What the way to replicas on Ray and back added to the first token; None without any."""
    driver_cpu_us: float | None
    """Processor time of the driver per query, with replicas."""


def measure_harness(
    load: Loader, rates: Sequence[float], seconds: float, offline_samples: int, console: Console
) -> tuple[list[HarnessPoint], list[Refused]]:
    """The null engine in Server at each rate, then in Offline; LoadGen's own figures.

    With an engine that answers at once, the time to the first token is what LoadGen, the
    socket and our code add to it.

    Returns:
        a point for each VALID run, and the runs whose figures are not taken.
    """
    points: list[HarnessPoint] = []
    refused: list[Refused] = []
    for rate, overrides in _asked(rates, seconds, offline_samples):
        part = f"{rate:g} queries/s" if rate else f"{offline_samples} samples"
        found = run_one(load(overrides), console, part)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            points.append(_point(found[1], Scenario.SERVER if rate else Scenario.OFFLINE, rate))
    return points, refused


def _asked(
    rates: Sequence[float], seconds: float, offline_samples: int
) -> Iterator[tuple[float, list[Override]]]:
    """The rate in Server, 0 in Offline; and the settings of that run."""
    common = [
        setting("engine.kind", "null"),
        setting("loadgen.enable_trace", value=False),
        setting("server.min_duration_s", seconds),
    ]
    for rate in rates:
        yield (
            rate,
            [*common, setting("scenarios", ["Server"]), setting("server.target_qps", rate)],
        )
    if offline_samples:
        offline = [
            setting("scenarios", ["Offline"]),
            setting("offline.min_duration_s", 0.0),
            setting("offline.min_query_count", offline_samples),
        ]
        yield 0.0, [*common, *offline]


def run_one(loaded: Loaded, console: Console, part: str) -> tuple[Outcome, RunResult] | Refused:
    """A run of the only scenario of this configuration; its figures only where it is VALID.

    Args:
        loaded: the configuration.
        console: for progress.
        part: which of the measurements it is.

    Raises:
        Interrupted: the user ended the run; what was measured until then is kept.
    """
    (scenario,) = loaded.config.scenarios
    outcome = run_benchmark(loaded, console)
    if outcome.interrupted:
        raise Interrupted("interrupted; the run is kept.", where=str(outcome.session.root))
    if not outcome.result.valid:
        refused = Refused(scenario.value, part, outcome.result.reasons, str(outcome.session.root))
        console.print(refused.line(), highlight=False, soft_wrap=True)
        return refused
    return outcome, outcome.result.scenarios[scenario]


def median(values: Sequence[float]) -> float | None:
    """None where no round gave a value: it was not measured."""
    return statistics.median(values) if values else None


def _point(result: RunResult, scenario: Scenario, target_qps: float) -> HarnessPoint:
    ttft = result.ttft
    assert result.achieved_qps is not None, "a VALID run has a rate"
    return HarnessPoint(
        scenario=scenario.value,
        target_qps=target_qps,
        completed_qps=result.achieved_qps,
        samples=result.queries.issued,
        ttft_mean_ms=ttft.mean_ns / NS_PER_MS if ttft and ttft.mean_ns is not None else None,
        ttft_p99_ms=ttft.p99_ns / NS_PER_MS if ttft and ttft.p99_ns is not None else None,
        data_plane_p99_ms=result.engine_figures.get("data_plane_first_token_p99_ms"),
        driver_cpu_us=result.engine_figures.get("driver_cpu_per_query_us"),
    )
