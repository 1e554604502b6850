"""The results of several nodes → one: sums of rates, worst tails, skew, efficiency. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sut.config.keys import leaves
from sut.config.schema import Mode, RunConfig, Scenario
from sut.errors import ConfigError
from sut.result.aggregated import (
    AGGREGATED_VERSION,
    COMPOSITE,
    Aggregated,
    AggregatedInfo,
    AggregatedScenario,
    Baseline,
    NodeScenario,
    NodeSummary,
    WorstTail,
)
from sut.result.schema import BENCHMARK, UNVERIFIED, Distribution, Result, ScenarioResult

STATISTICS = ("p50_ns", "p90_ns", "p95_ns", "p97_ns", "p99_ns", "p99_9_ns", "max_ns")
# What may differ between a node's run alone and its coordinated run: names, places, order. The
# files behind the two paths are compared by their checksums.
FREE_KEYS = ("node_name", "results_dir", "scenarios", "dataset.path", "model.path")
FREE_SECTIONS = ("engine.ray.",)


@dataclass(frozen=True)
class Start:
    """A node's first query, ns on the control node's clock, and how far that may be off."""

    ns: int
    error_ns: int


@dataclass(frozen=True)
class NodeRecord:
    """What one node's run left."""

    name: str
    place: str
    session: str | None
    result: Result | None
    failure: str | None = None
    starts: Mapping[Scenario, Start] = field(default_factory=dict)


@dataclass(frozen=True)
class Alone:
    """Each node's result when it ran alone; `paths` says where they lie."""

    source: Literal["measured", "stored"]
    results: Mapping[str, Result]
    paths: Mapping[str, str]


@dataclass(frozen=True)
class Call:
    """The coordinated call itself."""

    timestamp: str
    command: Sequence[str]
    problems: Sequence[str] = ()
    """What makes the whole invalid beside the nodes' own reasons, e.g. an interruption."""


def aggregate(
    config: RunConfig, nodes: Sequence[NodeRecord], alone: Alone | None, call: Call
) -> Aggregated:
    """Put the nodes' results together.

    Args:
        config: what every node was given, apart from its name.
        nodes: in the order to be shown.
        alone: the runs to compare with; None: efficiency and overhead stay null.
        call: when and how it was called.
    """
    problems = [*call.problems, *_node_problems(nodes)]
    notes: list[str] = []
    summed = _summed(config, notes)
    rates = _single_rates(summed, nodes, alone, notes)
    return Aggregated(
        schema_version=AGGREGATED_VERSION,
        trust=UNVERIFIED,
        composite=True,
        composite_note=COMPOSITE,
        benchmark_info=AggregatedInfo(
            benchmark=BENCHMARK,
            model=config.model.name,
            timestamp=call.timestamp,
            profile=config.profile,
            round=config.round,
            nodes=len(nodes),
            engine=config.engine.kind,
            command=list(call.command),
        ),
        valid=not problems,
        reasons=problems,
        scenarios={each: _scenario(each, nodes, rates.get(each, {})) for each in summed},
        nodes={node.name: _node(node) for node in nodes},
        baseline=Baseline(source=alone.source, results=dict(alone.paths)) if alone else None,
        notes=notes,
    )


def _summed(config: RunConfig, notes: list[str]) -> Sequence[Scenario]:
    """The scenarios with rates to add up: those of performance runs, if any were asked for.

    Other runs have their verdict in each node's, which the whole one rests on.
    """
    if Mode.PERFORMANCE in config.mode.modes:
        return config.scenarios
    notes.append(f"mode is {config.mode}: no performance run was asked for, none is added up")
    return ()


def _node_problems(nodes: Sequence[NodeRecord]) -> Iterable[str]:
    """What failed comes first: the other nodes' reasons may only follow from it."""
    if not nodes:
        yield "no node ran"
    for node in nodes:
        if node.failure is not None:
            yield f"node {node.name} ({node.place}): {node.failure}"
        elif node.result is None:
            yield f"node {node.name} ({node.place}) left no result"
    for node in nodes:
        for reason in node.result.reasons if node.result else ():
            yield f"node {node.name}: {reason}"


def _node(node: NodeRecord) -> NodeSummary:
    result = node.result
    return NodeSummary(
        place=node.place,
        session=node.session,
        valid=node.failure is None and result is not None and result.valid,
        reasons=list(result.reasons) if result else [],
        failure=node.failure,
        engine=result.engine.kind if result and result.engine else None,
        accelerators=[gpu.name for gpu in result.hardware.gpus] if result else [],
    )


def _scenario(
    scenario: Scenario, nodes: Sequence[NodeRecord], single: Mapping[str, float]
) -> AggregatedScenario:
    runs = {
        node.name: node.result.scenarios[scenario]
        for node in nodes
        if node.result is not None and scenario in node.result.scenarios
    }
    whole = len(runs) == len(nodes) > 0
    listed = list(runs.values()) if whole else []
    starts = {node.name: node.starts.get(scenario) for node in nodes}
    skew_ns, error_ns = _skew(list(starts.values()))
    achieved = _sum(listed, lambda run: run.achieved_qps)
    alone = sum(single.values()) if single and set(single) == {n.name for n in nodes} else None
    efficiency = achieved / alone if achieved is not None and alone else None
    samples = sum(run.queries.issued for run in runs.values())
    return AggregatedScenario(
        valid=whole and all(run.valid for run in listed),
        reasons=list(_reasons(scenario, nodes)),
        composite=True,
        achieved_qps=achieved,
        throughput_tokens_per_sec=_sum(listed, lambda run: run.throughput_tokens_per_sec),
        latency_p99=_largest(run.latency_p99 for run in listed),
        latency=_worst(runs, whole, lambda run: run.latency),
        ttft=_worst(runs, whole, lambda run: run.ttft),
        tpot=_worst(runs, whole, lambda run: run.tpot),
        samples=samples,
        start_skew_ms=None if skew_ns is None else skew_ns / 1e6,
        start_skew_error_ms=None if error_ns is None else error_ns / 1e6,
        single_node_qps=alone,
        scaling_efficiency=efficiency,
        coordination_overhead=None if efficiency is None else 1 - efficiency,
        nodes={
            name: _figures(run, samples, _after_first_ms(starts, name), single.get(name))
            for name, run in runs.items()
        },
    )


def _reasons(scenario: Scenario, nodes: Sequence[NodeRecord]) -> Iterable[str]:
    for node in nodes:
        if node.result is None or scenario not in node.result.scenarios:
            yield f"node {node.name} has no run of it"
        else:
            run = node.result.scenarios[scenario]
            yield from (f"node {node.name}: {reason}" for reason in run.reasons)


def _figures(
    run: ScenarioResult, samples: int, after_first_ms: float | None, single: float | None
) -> NodeScenario:
    return NodeScenario(
        valid=run.valid,
        achieved_qps=run.achieved_qps,
        throughput_tokens_per_sec=run.throughput_tokens_per_sec,
        latency_p99=run.latency_p99,
        accuracy=run.accuracy,
        samples=run.queries.issued,
        share=run.queries.issued / samples if samples else None,
        duration_s=run.duration_s,
        latency=run.latency,
        ttft=run.ttft,
        tpot=run.tpot,
        started_after_first_ms=after_first_ms,
        single_node_qps=single,
    )


def _sum(
    runs: Sequence[ScenarioResult], figure: Callable[[ScenarioResult], float | None]
) -> float | None:
    """None where any is missing: the sum of the rest would pass for the whole."""
    values = [figure(run) for run in runs]
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _largest(values: Iterable[float | None]) -> float | None:
    """None where any is missing: the missing one may be the worst."""
    listed = list(values)
    known = [value for value in listed if value is not None]
    return max(known) if known and len(known) == len(listed) else None


def _worst(
    runs: Mapping[str, ScenarioResult],
    whole: bool,
    kind: Callable[[ScenarioResult], Distribution | None],
) -> WorstTail | None:
    found = {name: kind(run) for name, run in runs.items()}
    known = {name: each for name, each in found.items() if each is not None}
    if not whole or not known or len(known) != len(found):
        return None
    worst: dict[str, Any] = {
        name: _largest(getattr(each, name) for each in known.values()) for name in STATISTICS
    }
    holders = [name for name, each in known.items() if each.p99_ns == worst["p99_ns"]]
    return WorstTail(**worst, p99_node=holders[0] if worst["p99_ns"] is not None else None)


def _skew(starts: Sequence[Start | None]) -> tuple[int | None, int | None]:
    known = [start for start in starts if start is not None]
    if not known or len(known) != len(starts):
        return None, None
    first, last = (pick(known, key=lambda start: start.ns) for pick in (min, max))
    error_ns = 0 if first is last else first.error_ns + last.error_ns
    return last.ns - first.ns, error_ns


def _after_first_ms(starts: Mapping[str, Start | None], name: str) -> float | None:
    mine = starts[name]
    known = [start.ns for start in starts.values() if start is not None]
    return None if mine is None else (mine.ns - min(known)) / 1e6


def _single_rates(
    scenarios: Sequence[Scenario],
    nodes: Sequence[NodeRecord],
    alone: Alone | None,
    notes: list[str],
) -> dict[Scenario, dict[str, float]]:
    """Each node's rate when alone; a run that may not be compared gives a note and no rate."""
    rates: dict[Scenario, dict[str, float]] = {}
    if alone is None:
        return rates
    for node in nodes:
        single = alone.results.get(node.name)
        if single is None:
            notes.append(f"node {node.name} has no run alone to compare with")
            continue
        why = _other_inputs(node.result, single)
        if why:
            notes.append(f"node {node.name}: its run alone {why}; it is not compared")
            continue
        for scenario in scenarios:
            run = single.scenarios.get(scenario)
            if run is None or not run.valid or not run.achieved_qps:
                notes.append(f"node {node.name}: its run alone has no valid {scenario} run")
            else:
                rates.setdefault(scenario, {})[node.name] = run.achieved_qps
    return rates


def _other_inputs(together: Result | None, single: Result) -> str | None:
    """Why two runs were not asked the same of the same weights; None if they were."""
    if together is None:
        return None
    if together.dataset.sha256 != single.dataset.sha256:
        return "had another data set"
    hashes = [
        result.engine.model_sha256 if result.engine else None for result in (together, single)
    ]
    return "had other weights" if hashes[0] != hashes[1] else None


def check_stored(
    config: RunConfig, names: Sequence[str], stored: Mapping[str, Result]
) -> dict[str, str]:
    """Hold stored results against what is about to be run.

    Args:
        config: of the coordinated run.
        names: of its nodes.
        stored: results by the path of their file.

    Returns:
        The path of each node's result.

    Raises:
        ConfigError: one was made with another configuration, or a node has none.
    """
    wanted = comparable(config.model_dump(mode="json"))
    paths: dict[str, str] = {}
    for path, result in stored.items():
        found = comparable(result.configuration)
        for key in sorted(wanted.keys() | found.keys()):
            if wanted.get(key) != found.get(key):
                raise ConfigError(
                    f"{key} is {found.get(key)} there and {wanted.get(key)} in this run.",
                    where=path,
                    remedy="Name results of the same configuration, or measure with --baseline.",
                )
        paths.setdefault(result.benchmark_info.node, path)
    missing = [name for name in names if name not in paths]
    if missing:
        raise ConfigError(
            f"there is no result of node {missing[0]} among them; there are those of "
            f"{', '.join(sorted(paths)) or 'none'}.",
            where="--baseline-results",
            remedy="Run that node alone with NODE_NAME set to that name, or use --baseline.",
        )
    return {name: paths[name] for name in names}


def comparable(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that decide a node's rate, each with its value as JSON has it."""
    found: dict[str, Any] = {}
    for key in leaves():
        if key in FREE_KEYS or key.startswith(FREE_SECTIONS):
            continue
        value: Any = configuration
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        found[key] = value
    return found
