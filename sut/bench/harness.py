"""The harness alone, on an engine that answers at once: what LoadGen, socket and code cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Console

from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import RunError
from sut.harness.session import Outcome, run_benchmark
from sut.result.schema import RunResult

NS_PER_MS = 1e6
Override = tuple[str, object, str]
Loader = Callable[[Sequence[Override]], Loaded]


def setting(key: str, value: object) -> Override:
    """An override made by the benchmark itself."""
    return key, value, "sut bench"


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
) -> list[HarnessPoint]:
    """The null engine in Server at each rate, then in Offline; LoadGen's own figures.

    With an engine that answers at once, the time to the first token is what LoadGen, the
    socket and our code add to it.
    """
    common = [
        setting("engine.kind", "null"),
        setting("loadgen.enable_trace", value=False),
        setting("server.min_duration_s", seconds),
    ]
    points = []
    for rate in rates:
        loaded = load(
            [*common, setting("scenarios", ["Server"]), setting("server.target_qps", rate)]
        )
        result = run_one(loaded, console)[1]
        points.append(_point(result, Scenario.SERVER, rate))
    if offline_samples:
        offline = [
            setting("scenarios", ["Offline"]),
            setting("offline.min_duration_s", 0.0),
            setting("offline.min_query_count", offline_samples),
        ]
        loaded = load([*common, *offline])
        points.append(_point(run_one(loaded, console)[1], Scenario.OFFLINE, 0.0))
    return points


def run_one(loaded: Loaded, console: Console) -> tuple[Outcome, RunResult]:
    """A run of the only scenario of this configuration."""
    (scenario,) = loaded.config.scenarios
    outcome = run_benchmark(loaded, console)
    return outcome, outcome.result.scenarios[scenario]


def _point(result: RunResult, scenario: Scenario, target_qps: float) -> HarnessPoint:
    if result.achieved_qps is None:
        raise RunError(f"LoadGen measured no rate in {scenario.value}: {result.reasons}")
    ttft = result.ttft
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
