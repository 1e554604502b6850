"""The results of several nodes → one: sums of rates, worst tails, skew, efficiency. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sut.config.names import Mode, Scenario
from sut.config.schema import RunConfig
from sut.metrics import Distribution
from sut.record.folder import stamp_of
from sut.result.aggregated_schema import (
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
from sut.result.baseline import Alone, single_rates
from sut.result.comparable import not_added_up_because, worth_saying
from sut.result.schema import UNVERIFIED, Result, RunResult
from sut.result.title import benchmark_title

STATISTICS = ("p50_ns", "p90_ns", "p95_ns", "p97_ns", "p99_ns", "p99_9_ns", "max_ns")


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
    """Built here from the session's files, whatever result the node wrote itself."""
    failure: str | None = None
    starts: Mapping[Scenario, Start] = field(default_factory=dict)
    contradictions: Sequence[str] = ()
    """What the node's own result says otherwise than the one built here."""


@dataclass(frozen=True)
class Call:
    """The coordinated call itself."""

    started_utc: str
    command: Sequence[str]
    problems: Sequence[str] = ()
    """What makes the whole invalid beside the nodes' own reasons, e.g. an interruption."""


def aggregate(
    config: RunConfig, nodes: Sequence[NodeRecord], alone: Alone | None, call: Call
) -> Aggregated:
    """Put the nodes' results together.

    Args:
        config: what every node was given, apart from its name.
        nodes: in the order to be shown. Where they are not alike nothing is added up.
        alone: the runs to compare with; None: efficiency and overhead stay null.
        call: when and how it was called.
    """
    against = not_added_up_because(config, nodes)
    problems = [*call.problems, *_node_problems(nodes), *against, *_node_reasons(nodes)]
    notes: list[str] = []
    summed = _summed(config, notes)
    together = {node.name: node.result for node in nodes}
    rates = single_rates(summed, together, alone, notes)
    notes += worth_saying(together)
    return Aggregated(
        schema_version=AGGREGATED_VERSION,
        trust=UNVERIFIED,
        composite=True,
        composite_note=COMPOSITE,
        benchmark_info=_info(config, len(nodes), call),
        valid=not problems,
        reasons=problems,
        not_added_up_because=against,
        scenarios={each: _scenario(each, nodes, rates.get(each, {}), against) for each in summed},
        nodes={node.name: _node(node) for node in nodes},
        baseline=_baseline(alone),
        notes=notes,
    )


def _info(config: RunConfig, nodes: int, call: Call) -> AggregatedInfo:
    return AggregatedInfo(
        benchmark=benchmark_title(config),
        model=config.model.name,
        timestamp=stamp_of(datetime.fromisoformat(call.started_utc)),
        started_utc=call.started_utc,
        profile=config.profile,
        round=config.round,
        nodes=nodes,
        engine=config.engine.kind,
        command=list(call.command),
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


def _node_reasons(nodes: Sequence[NodeRecord]) -> Iterable[str]:
    for node in nodes:
        for reason in node.result.reasons if node.result else ():
            yield f"node {node.name}: {reason}"


def _baseline(alone: Alone | None) -> Baseline | None:
    if alone is None:
        return None
    return Baseline(source=alone.source, results=dict(alone.paths), stated=list(alone.stated))


def _node(node: NodeRecord) -> NodeSummary:
    result = node.result
    return NodeSummary(
        place=node.place,
        session=node.session,
        valid=node.failure is None
        and result is not None
        and result.valid
        and not node.contradictions,
        reasons=[*node.contradictions, *(result.reasons if result else ())],
        failure=node.failure,
        engine=result.engine.kind if result and result.engine else None,
        accelerators=[gpu.name for gpu in result.hardware.gpus] if result else [],
    )


def _scenario(
    scenario: Scenario,
    nodes: Sequence[NodeRecord],
    single: Mapping[str, float],
    against: Sequence[str],
) -> AggregatedScenario:
    """One scenario; every figure over all nodes is null where one is missing or unlike."""
    runs = _runs_of(scenario, nodes)
    whole = len(runs) == len(nodes) > 0 and not against
    listed = list(runs.values()) if whole else []
    starts = {node.name: node.starts.get(scenario) for node in nodes}
    skew_ns, error_ns = _skew(list(starts.values()))
    achieved = _sum(listed, lambda run: run.achieved_qps)
    alone = sum(single.values()) if whole and set(single) == set(runs) else None
    efficiency = achieved / alone if achieved is not None and alone else None
    samples = None if against else sum(run.queries.issued for run in runs.values())
    return AggregatedScenario(
        valid=whole and all(run.valid for run in listed),
        reasons=[*against, *_reasons(scenario, nodes)],
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


def _runs_of(scenario: Scenario, nodes: Sequence[NodeRecord]) -> dict[str, RunResult]:
    return {
        node.name: node.result.scenarios[scenario]
        for node in nodes
        if node.result is not None and scenario in node.result.scenarios
    }


def _reasons(scenario: Scenario, nodes: Sequence[NodeRecord]) -> Iterable[str]:
    for node in nodes:
        if node.result is None or scenario not in node.result.scenarios:
            yield f"node {node.name} has no run of it"
        else:
            run = node.result.scenarios[scenario]
            yield from (f"node {node.name}: {reason}" for reason in run.reasons)


def _figures(
    run: RunResult, samples: int | None, after_first_ms: float | None, single: float | None
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


def _sum(runs: Sequence[RunResult], figure: Callable[[RunResult], float | None]) -> float | None:
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
    runs: Mapping[str, RunResult],
    whole: bool,
    kind: Callable[[RunResult], Distribution | None],
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
