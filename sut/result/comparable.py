"""May the nodes' figures be added up, and what should a reader of the sum know? Pure sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from sut.config.schema import RunConfig
from sut.result.alike import (
    Difference,
    configuration_facts,
    differences,
    engines_of,
    machine_facts,
    result_differences,
    runs_of,
    unproved,
    weights_unknown,
)
from sut.result.schema import Result

# With a space, as no node's name has.
ASKED = "as asked"
# Files with stamps of their own run: two runs that leave the same bytes are one run.
STAMPED = ("mlperf_log_detail.txt", "ledger.parquet")


class Recorded(Protocol):
    """What `sut.result.aggregate.NodeRecord` has."""

    @property
    def name(self) -> str: ...
    @property
    def result(self) -> Result | None: ...
    @property
    def contradictions(self) -> Sequence[str]: ...


def not_added_up_because(config: RunConfig, nodes: Sequence[Recorded]) -> list[str]:
    """Why the nodes' figures may not be added up; [] where they may.

    Args:
        config: what every node was given, apart from its name.
        nodes: one without a result is a reason of its own and not compared.
    """
    found = [f"node {node.name}: {each}" for node in nodes for each in node.contradictions]
    results = {node.name: node.result for node in nodes if node.result is not None}
    found += [
        f"node {name}: its session was made by node {result.benchmark_info.node}"
        for name, result in results.items()
        if result.benchmark_info.node != name
    ]
    found += _counted_twice(results)
    asked = {ASKED: configuration_facts(config.model_dump(mode="json"))} if results else {}
    found += [_sentence(each) for each in result_differences(results, asked)]
    unknown = [
        name
        for name, result in results.items()
        if any(weights_unknown(engine) for engine in engines_of(result).values())
    ]
    if unknown:
        found.append(
            f"the nodes' weights cannot be compared: model SHA-256 is unknown {_where(unknown)}"
        )
    return found


def _counted_twice(results: Mapping[str, Result]) -> Iterator[str]:
    first: dict[tuple[str, str], str] = {}
    for name, result in results.items():
        for label, run in runs_of(result).items():
            for log in run.logs:
                if log.name not in STAMPED:
                    continue
                other = first.setdefault((log.name, log.sha256), name)
                if other != name:
                    yield (
                        f"{label}: {log.name} is the same file on nodes {other} and {name} "
                        f"(SHA-256 {log.sha256[:12]}…): one run would be counted twice"
                    )


def worth_saying(results: Mapping[str, Result | None]) -> list[str]:
    """What does not stand against a sum and still says how far it goes."""
    known = {name: result for name, result in results.items() if result is not None}
    notes = [
        f"the nodes' machines differ: {_values(each)}; every node was given the same work"
        for each in differences({name: machine_facts(result) for name, result in known.items()})
    ]
    unshown: dict[str, list[str]] = {}
    for name, result in known.items():
        for what in unproved(result):
            unshown.setdefault(what, []).append(name)
    # A single node has none to be like.
    if len(known) > 1:
        notes += [
            f"{what} {_where(names)}: that the nodes ran the same sources is not shown"
            for what, names in unshown.items()
        ]
    return notes


def _sentence(difference: Difference) -> str:
    return f"the nodes are not alike: {_values(difference)}"


def _values(difference: Difference) -> str:
    return f"{difference.key} is " + " and ".join(
        f"{value} {_where(names)}" for value, names in difference.shown
    )


def _where(names: Sequence[str]) -> str:
    nodes = [name for name in names if name != ASKED]
    places = [ASKED] if ASKED in names else []
    if nodes:
        listed = " and ".join(filter(None, (", ".join(nodes[:-1]), nodes[-1])))
        places.append(f"on node{'s' if len(nodes) > 1 else ''} {listed}")
    return " and ".join(places)
