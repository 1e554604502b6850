"""A coordinated run: each node's session worked out anew, and the sum made of them again."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from math import isclose
from pathlib import Path

from pydantic import BaseModel, ValidationError

from sut.accuracy.evaluate import Sources
from sut.cluster.collect import SESSION_MARK
from sut.config.names import Scenario
from sut.errors import LogError
from sut.given_file import given_bytes
from sut.record.session import read_session
from sut.result.aggregate import Call, NodeRecord, aggregate
from sut.result.aggregated_schema import (
    AGGREGATED_NAME,
    Aggregated,
    AggregatedScenario,
    NodeSummary,
)
from sut.result.build import build
from sut.verify.session import verify_session
from sut.verify.standing import Item, Standing

# What the control node measured live, or took from other runs; of a scenario, and of its nodes.
LIVE = ("start_skew_ms", "start_skew_error_ms", "single_node_qps", "scaling_efficiency",
        "coordination_overhead")  # fmt: skip
LIVE_OF_NODE = ("started_after_first_ms", "single_node_qps")
# In words, which another version of the harness may choose otherwise; how many is compared.
WORDS = ("reasons", "not_added_up_because", "notes")
# Of each node's session all is worked out anew beside this.
NOT_HELD = {
    "": ("nodes", "scenarios", "baseline", "benchmark_info"),
    "benchmark_info": ("command", "started_utc"),
    "node": ("place", "session", "failure"),
}
NEAR = 1e-9


def sum_of(path: Path) -> Path | None:
    """The file of a coordinated run's result: the path itself, or in that folder; None: neither."""
    if path.is_file() and path.name.startswith(Path(AGGREGATED_NAME).stem):
        return path
    found = path / AGGREGATED_NAME
    return found if found.is_file() else None


def verify_nodes(path: Path, sources: Sources | None = None) -> list[Item]:
    """Everything a coordinated run's files prove, state and contradict.

    Args:
        path: the result's file; the nodes' sessions lie beside it.
        sources: data set and model from elsewhere than the runs had them.

    Raises:
        LogError: the result or a session is malformed.
    """
    stated = _read(path)
    items: list[Item] = []
    built: dict[str, NodeRecord] = {}
    for name, node in stated.nodes.items():
        root = path.parent / (node.session or "")
        if node.session is None or not (root / SESSION_MARK).is_file():
            items.append(_gone(name, node, path))
            continue
        found = verify_session(root, sources)
        items += [replace(each, subject=f"node {name}, {each.subject}") for each in found]
        built[name] = NodeRecord(name, node.place, node.session, build(root), node.failure)
    items += _summed(path, stated, built)
    for scenario, summed in stated.scenarios.items():
        for each in LIVE:
            sentence = f"{scenario} {each} is {getattr(summed, each)}"
            items.append(Item(Standing.STATED, path.name, sentence))
    return items


def _read(path: Path) -> Aggregated:
    try:
        return Aggregated.model_validate_json(given_bytes(path))
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LogError(
            f"is no coordinated run's result of this version: {place}: {first['msg']}.",
            where=str(path),
            remedy=f"Name the {AGGREGATED_NAME} that the run left.",
        ) from error


def _gone(name: str, node: NodeSummary, path: Path) -> Item:
    """A node that left nothing says so itself; of another its session must lie here."""
    if node.session is None:
        return Item(Standing.OPEN, f"node {name}", node.failure or "It left no session.")
    sentence = f"Its session {node.session} is not beside {path.name}."
    return Item(Standing.CONTRADICTS, f"node {name}", sentence)


def _summed(path: Path, stated: Aggregated, nodes: dict[str, NodeRecord]) -> Iterator[Item]:
    """The figures over all nodes, and each node's, made again from the results built here."""
    if set(nodes) != set(stated.nodes):
        sentence = "The sum cannot be made again: a node's session is not here."
        yield Item(Standing.OPEN, path.name, sentence)
        return
    first = read_session(path.parent / str(next(iter(nodes.values())).session))
    call = Call(stated.benchmark_info.started_utc, stated.benchmark_info.command)
    again = aggregate(first.config, list(nodes.values()), None, call)
    for reason in again.reasons if stated.valid else ():
        yield Item(Standing.CONTRADICTS, path.name, f"It is stated as valid: {reason}.")
    whole = [*_differing("It", "", stated, again), *_of_the_whole(stated, again)]
    yield from (Item(Standing.CONTRADICTS, path.name, each) for each in whole)
    if stated.benchmark_info.nodes != len(stated.nodes):
        return  # of a node that was taken out, every figure lacks its part
    alone = list(_baseline(path, stated))
    yield from (Item(Standing.CONTRADICTS, path.name, each) for each in alone)
    for scenario in dict.fromkeys([*stated.scenarios, *again.scenarios]):
        theirs, ours = stated.scenarios.get(scenario), again.scenarios.get(scenario)
        wrong = list(_of_scenario(scenario, theirs, ours))
        wrong += (
            list(_live_figures(scenario, theirs))[:1] if theirs and not wrong and not alone else []
        )
        yield from (Item(Standing.CONTRADICTS, path.name, each) for each in wrong)
        if not wrong and ours is not None and ours.achieved_qps is not None:
            sentence = f"{scenario}: {ours.achieved_qps:.6g} samples/s are the sum over the nodes"
            yield Item(Standing.PROVED, path.name, sentence, ground="worked out anew")


def _baseline(path: Path, stated: Aggregated) -> Iterator[str]:
    """Each rate of a node alone, by the session that it is said to be of, where that lies here."""
    sessions = stated.baseline.results if stated.baseline else {}
    for scenario, summed in stated.scenarios.items():
        for name, node in summed.nodes.items():
            said = node.single_node_qps
            if said is None:
                continue
            if name not in sessions:
                yield f"{scenario} single_node_qps of node {name} is {said}, and no run is named."
                continue
            root, what = path.parent / sessions[name], f"{scenario} single_node_qps of node {name}"
            if sessions[name] == stated.nodes[name].session:
                yield f"{what} is of {root.name}, which is the run together itself."
                continue
            alone = build(root).scenarios.get(scenario) if (root / SESSION_MARK).is_file() else None
            if alone is not None and (not alone.valid or alone.achieved_qps != said):
                found = alone.achieved_qps if alone.valid else "of a run that is not VALID"
                yield f"{what} is {said}, and {found} by {root.name}."


def _of_the_whole(stated: Aggregated, again: Aggregated) -> Iterator[str]:
    """What the result says of itself and of each node."""
    yield from _differing("benchmark_info", "benchmark_info", stated.benchmark_info,
                          again.benchmark_info)  # fmt: skip
    for name, node in stated.nodes.items():
        yield from _differing(f"node {name}", "node", node, again.nodes[name])


def _of_scenario(
    scenario: Scenario, stated: AggregatedScenario | None, built: AggregatedScenario | None
) -> Iterator[str]:
    """Each figure that the nodes' files give otherwise, and each that others give otherwise."""
    if stated is None or built is None:
        where = "the result" if stated is None else "the nodes' sessions"
        yield f"There is no {scenario} in {where}."
        return
    yield from _differing(scenario.value, "", stated, built, LIVE)
    for node in dict.fromkeys([*stated.nodes, *built.nodes]):
        what = f"{scenario} of node {node}"
        if node not in stated.nodes or node not in built.nodes:
            yield f"{what} is not in both the result and the nodes' sessions."
        else:
            of_node = stated.nodes[node], built.nodes[node]
            yield from _differing(what, "", *of_node, LIVE_OF_NODE)


def _differing(
    what: str, kind: str, stated: BaseModel, built: BaseModel, live: Collection[str] = ()
) -> Iterator[str]:
    """Each field of two objects that differs, but for those that nothing here tells of."""
    for name in type(stated).model_fields:
        if name in live or name in NOT_HELD.get(kind, ()):
            continue
        theirs, ours = getattr(stated, name), getattr(built, name)
        if name in WORDS:
            if ours and not theirs:
                yield f"{what} {name}: it states none, and the nodes' sessions give: {ours[0]}."
        elif name == "valid":
            if theirs and not ours and what != "It":
                yield f"{what} is stated as valid, and is not by the nodes' sessions."
            elif theirs and getattr(stated, "reasons", None):
                yield f"{what} is stated as valid, and gives a reason why it is not."
        elif theirs != ours:
            yield f"{what} {name} is {theirs}, and {ours} by the nodes' sessions."


def _live_figures(scenario: Scenario, stated: AggregatedScenario) -> Iterator[str]:
    """What was measured live must at least agree with itself."""
    nodes = stated.nodes.values()
    starts = [each.started_after_first_ms for each in nodes]
    rates = [each.single_node_qps for each in nodes]
    efficiency = stated.scaling_efficiency
    alone, achieved = stated.single_node_qps, stated.achieved_qps
    given: dict[str, float | None] = {
        "start_skew_ms": None if None in starts else max(filter(None, starts), default=0.0),
        "single_node_qps": None if None in rates else sum(filter(None, rates)),
        "scaling_efficiency": achieved / alone if achieved is not None and alone else None,
        "coordination_overhead": None if efficiency is None else 1 - efficiency,
    }
    for name, wanted in given.items():
        said = getattr(stated, name)
        if said is not None and (wanted is None or not isclose(said, wanted, abs_tol=NEAR)):
            yield f"{scenario} {name} is {said}, and {wanted} by the figures beside it."
