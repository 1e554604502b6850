"""`cluster check`: asks every node of a cluster, each with a deadline, and compares."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sut.cluster.describe import (
    CLOCK_ROUNDS,
    NodeFacts,
    clock,
    describe,
    offset_of,
    open_port,
    try_port,
)
from sut.cluster.hosts import Hosts
from sut.cluster.preflight import Row, compare
from sut.config.absolute import with_absolute_paths
from sut.config.schema import RunConfig
from sut.engines.ray.connection import connect, disconnect
from sut.engines.ray.faults import in_one_line
from sut.engines.ray.placement import how_many, needed, spread
from sut.errors import EngineStartError
from sut.machine.devices import gpus, usable_cores

DIED_UNASKED = 2  # ray.protobuf NodeDeathInfo.UNEXPECTED_TERMINATION
TASK_TIMEOUT_S = 10.0
ENGINE_RESOURCES = ("CPU", "GPU")


def check_cluster(config: RunConfig, hosts: Hosts | None, deadline_s: float) -> list[Row]:
    """Connect, ask, compare, leave.

    Args:
        config: of the run that is meant.
        hosts: nodes that must be there; None: those that are.
        deadline_s: until a node that has not answered counts as unreachable.

    Raises:
        EngineStartError: there is no cluster to ask.
    """
    address = config.engine.ray.address or (hosts.address if hosts else None)
    connect(address, len(usable_cores()), len(gpus()))
    try:
        import ray

        listed = sorted(ray.nodes(), key=lambda node: _place(node["NodeManagerAddress"]))
        alive = [node for node in listed if node["Alive"]]
        text = with_absolute_paths(config).model_dump_json()
        asked = [
            (node, _on(node, describe).remote(text, runs_engine=_runs_engine(node)))
            for node in alive
        ]
        replicas = _replicas(config, alive)
        # Hashing weights takes a while: here and there at the same time.
        here = describe(text, runs_engine=False)
        driver = NodeFacts(name=platform.node(), runs_engine=False, **here)
        answers = [
            replace(facts, replicas=count)
            for facts, count in zip(_answers(asked, deadline_s), replicas, strict=True)
        ]
        facts = answers + _missing(listed, hosts)
        return [*compare(config, driver, facts), _room(config, alive)]
    finally:
        disconnect()


def _place(ip: str) -> list[int | str]:
    """10.0.0.9 before 10.0.0.10."""
    return [int(part) if part.isdigit() else part for part in ip.split(".")]


def _missing(listed: Sequence[Mapping[str, Any]], hosts: Hosts | None) -> list[NodeFacts]:
    """Nodes that ought to be there: named in the hosts file, or died without being asked to."""
    here = {node["NodeManagerAddress"] for node in listed if node["Alive"]}
    missing = {}
    for node in listed:
        ip = node["NodeManagerAddress"]
        if not node["Alive"] and ip not in here and node.get("DeathReason") == DIED_UNASKED:
            name = f"{node['NodeManagerHostname']} ({ip})"
            why = node.get("DeathReasonMessage") or "it was lost"
            missing[ip] = NodeFacts(name, runs_engine=True, problem=f"gone: {_one_line(why)}")
    for ip in (hosts.head, *hosts.workers) if hosts else ():
        if ip not in here and ip not in missing:
            missing[ip] = NodeFacts(ip, runs_engine=True, problem="not in the cluster")
    return list(missing.values())


def _answers(asked: Sequence[tuple[Mapping[str, Any], Any]], deadline_s: float) -> list[NodeFacts]:
    """Everyone's; whoever is silent at the deadline has a problem."""
    import ray

    ray.wait([each for _, each in asked], num_returns=len(asked), timeout=deadline_s)
    return [_answer(node, reference, deadline_s) for node, reference in asked]


def _on(node: Mapping[str, Any], function: Any) -> Any:
    """The function as a task that runs on this node or not at all, whatever else runs there."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    where = NodeAffinitySchedulingStrategy(node_id=node["NodeID"], soft=False)
    return ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=where)


def _runs_engine(node: Mapping[str, Any]) -> bool:
    return any(node["Resources"].get(kind, 0) for kind in ENGINE_RESOURCES)


def _answer(node: Mapping[str, Any], reference: Any, deadline_s: float) -> NodeFacts:
    import ray

    name = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    runs_engine = _runs_engine(node)
    try:
        said = ray.get(reference, timeout=0)
    except ray.exceptions.GetTimeoutError:
        with contextlib.suppress(Exception):
            ray.cancel(reference, force=True)
        return NodeFacts(name, runs_engine, problem=f"no answer within {deadline_s:g} s")
    except Exception as error:  # noqa: BLE001 - Ray's errors are many, and a node's own too
        return NodeFacts(name, runs_engine, problem=in_one_line(error))
    offset_s, error_s = _clock_offset(node)
    return NodeFacts(
        name,
        runs_engine,
        **said,
        clock_offset_s=offset_s,
        clock_error_s=error_s,
        port_problem=_port_problem(node),
    )


def _port_problem(node: Mapping[str, Any]) -> str | None:
    import ray

    ip = node["NodeManagerAddress"]
    try:
        port: int = ray.get(_on(node, open_port).remote(ip), timeout=TASK_TIMEOUT_S)
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no port
        return f"no port could be opened: {in_one_line(error)}"
    return try_port(ip, port)


def _clock_offset(node: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The quickest of a few readings, which is the least uncertain."""
    import ray

    task = _on(node, clock)
    readings = []
    for _ in range(CLOCK_ROUNDS):
        before_ns = clock()
        try:
            there_ns: int = ray.get(task.remote(), timeout=TASK_TIMEOUT_S)
        except Exception:  # noqa: BLE001 - a node lost meanwhile has no clock to compare
            return None, None
        readings.append(offset_of(before_ns, there_ns, clock()))
    return min(readings, key=lambda reading: reading[1])


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[0][:160] if lines else "no cause given"


def _replicas(config: RunConfig, alive: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many each node would have; without --replicas one, wherever it will be."""
    asked = config.engine.replicas
    return [1] * len(alive) if asked is None else spread(asked, needed(config), alive)


def _room(config: RunConfig, alive: Sequence[Mapping[str, Any]]) -> Row:
    """Whether the replicas asked for have a place."""
    asked = config.engine.replicas or 1
    try:
        count = how_many(asked, needed(config), alive)
    except EngineStartError as error:
        return Row("room", "cluster", error.message, f"{asked} replicas", False, error.remedy or "")
    return Row("room", "cluster", f"room for {count}", f"{asked} replicas", True)
