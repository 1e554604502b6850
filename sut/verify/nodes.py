"""A coordinated run: each node's session worked out anew, and the sum made of them again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydantic import ValidationError

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

# What the control node measured live, or took from other runs.
LIVE = ("start_skew_ms", "start_skew_error_ms", "single_node_qps", "scaling_efficiency",
        "coordination_overhead")  # fmt: skip
# Judged node by node, or as a whole.
ELSEWHERE = ("valid", "reasons", "nodes")


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
    for scenario in dict.fromkeys([*stated.scenarios, *again.scenarios]):
        theirs, ours = stated.scenarios.get(scenario), again.scenarios.get(scenario)
        wrong = list(_differing(scenario, theirs, ours))
        yield from (Item(Standing.CONTRADICTS, path.name, each) for each in wrong)
        if not wrong and ours is not None and ours.achieved_qps is not None:
            sentence = f"{scenario}: {ours.achieved_qps:.6g} samples/s are the sum over the nodes"
            yield Item(Standing.PROVED, path.name, sentence, ground="worked out anew")


def _differing(
    scenario: Scenario, stated: AggregatedScenario | None, built: AggregatedScenario | None
) -> Iterator[str]:
    """Each figure that the nodes' files give otherwise."""
    if stated is None or built is None:
        where = "the result" if stated is None else "the nodes' sessions"
        yield f"There is no {scenario} in {where}."
        return
    names = [name for name in type(stated).model_fields if name not in (*LIVE, *ELSEWHERE)]
    for name in names:
        theirs, ours = getattr(stated, name), getattr(built, name)
        if theirs != ours:
            yield f"{scenario} {name} is {theirs}, and {ours} by the nodes' sessions."
    for node in dict.fromkeys([*stated.nodes, *built.nodes]):
        both = [each.nodes[node].achieved_qps if node in each.nodes else None
                for each in (stated, built)]  # fmt: skip
        if both[0] != both[1]:
            said, found = both
            yield f"{scenario} of node {node}: {said} samples/s, and {found} by its session."
