"""Policies of dispatch against each other: Server near its limit, on the same replicas, in turn.

Each run has a limit of a minute on every time, so that it is VALID and its tails are measured. The
arrivals are LoadGen's, drawn from the round's seed: the same in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console

from sut.bench.harness import NS_PER_MS, Loader, Override, Refused, setting
from sut.bench.repeats import Repeats, ratio_of
from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import Interrupted
from sut.harness.on_engine import OnEngine, engine_for
from sut.harness.session import all_checked
from sut.metrics import Distribution
from sut.record.folder import SessionDir
from sut.record.session import read_session
from sut.result.build import result_of
from sut.result.schema import RunResult

LIMIT_MS = 60_000.0
FIGURES = ("ttft_p99_ms", "tpot_p99_ms")
MOST_NOISE = 0.5
"""What the repeats of a tail may differ by for a ratio: tails repeat worse than means."""


@dataclass(frozen=True)
class PolicyRun:
    """One run under one policy."""

    policy: str
    round: int
    queries: int
    completed_qps: float | None
    ttft_mean_ms: float | None
    ttft_p99_ms: float | None
    tpot_p99_ms: float | None


def measure_dispatch(
    load: Loader,
    policies: Sequence[str],
    *,
    rate: float,
    seconds: float,
    rounds: int,
    console: Console,
) -> tuple[list[PolicyRun], list[Refused]]:
    """Every policy once in each round, all on one start of the replicas.

    Args:
        load: makes configurations; they must ask for replicas.
        policies: names of `engine.ray.dispatch`.
        rate: queries/s.
        seconds: of each run.
        rounds: alternations.
        console: for progress.

    Returns:
        the VALID runs, and those whose figures are not taken.
    """
    common = _server(rate, seconds)
    asked = {each: load([*common, setting("engine.ray.dispatch", each)]) for each in policies}
    loaded, inputs, _ = all_checked(asked[policies[0]])
    found: list[PolicyRun] = []
    refused: list[Refused] = []
    logs = SessionDir.create(loaded.config.results_dir, "engine").root
    with engine_for(loaded.config, Scenario.SERVER, inputs, logs, console) as (ready, way):
        engine = OnEngine(Scenario.SERVER, inputs, ready, ready.before, way)
        for made, (number, policy) in enumerate(turns(policies, rounds), 1):
            run = _run(engine, asked[policy], made, f"round {number}, {policy}")
            if isinstance(run, Refused):
                refused.append(run)
                console.print(run.line(), highlight=False, soft_wrap=True)
                continue
            found.append(_figures(policy, number, run))
            console.print(line_of(found[-1]), highlight=False)
    return found, refused


def turns(policies: Sequence[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Round and policy, in order; another one goes first in each round."""
    for number in range(rounds):
        first = number % len(policies)
        for policy in (*policies[first:], *policies[:first]):
            yield number + 1, policy


def _run(engine: OnEngine, loaded: Loaded, number: int, part: str) -> RunResult | Refused:
    """One run.

    Raises:
        Interrupted: the user ended it.
    """
    session = engine.make(loaded, number)
    if session is None:
        raise Interrupted("interrupted; the runs until then are kept.")
    result = result_of(read_session(session.root))
    if not result.valid:
        return Refused(engine.scenario.value, part, result.reasons, str(session.root))
    return result.scenarios[engine.scenario]


def _server(rate: float, seconds: float) -> list[Override]:
    return [
        setting("scenarios", ["Server"]),
        setting("loadgen.enable_trace", value=False),
        setting("server.target_qps", rate),
        setting("server.min_duration_s", seconds),
        *(setting(f"server.{name}_limit_ms", LIMIT_MS) for name in ("ttft", "tpot", "e2e_p99")),
    ]


def _figures(policy: str, number: int, result: RunResult) -> PolicyRun:
    return PolicyRun(
        policy=policy,
        round=number,
        queries=result.queries.issued,
        completed_qps=result.achieved_qps,
        ttft_mean_ms=_ms(result.ttft, "mean_ns"),
        ttft_p99_ms=_ms(result.ttft, "p99_ns"),
        tpot_p99_ms=_ms(result.tpot, "p99_ns"),
    )


def _ms(told: Distribution | None, field: str) -> float | None:
    value = None if told is None else getattr(told, field)
    return None if value is None else value / NS_PER_MS


def line_of(run: PolicyRun) -> str:
    """One run in words."""
    return (
        f"round {run.round} {run.policy}: TTFT P99 {_shown(run.ttft_p99_ms)} ms, "
        f"TPOT P99 {_shown(run.tpot_p99_ms)} ms, {run.queries} queries"
    )


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def against_first(runs: Sequence[PolicyRun], policies: Sequence[str]) -> list[str]:
    """Each figure of each policy, and its ratio to the first one's over the rounds of both."""
    lines = []
    for figure in FIGURES:
        told = {each: _by_round(runs, each, figure) for each in policies}
        for policy, rounds in told.items():
            if not rounds:
                lines.append(f"{figure} {policy}: not measured")
                continue
            shown = Repeats(tuple(rounds.values())).shown()
            lines.append(f"{figure} {policy}: {shown}, {len(rounds)} rounds")
            both = sorted(rounds.keys() & told[policies[0]].keys())
            if policy != policies[0] and both:
                below = [told[policies[0]][each] for each in both]
                ratio = ratio_of([rounds[each] for each in both], below, MOST_NOISE)
                lines.append(f"  over {policies[0]}: {ratio.shown()}")
    return lines


def _by_round(runs: Sequence[PolicyRun], policy: str, figure: str) -> Mapping[int, float]:
    found = {each.round: getattr(each, figure) for each in runs if each.policy == policy}
    return {number: value for number, value in found.items() if value is not None}
