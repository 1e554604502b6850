"""Where replicas go: what each needs, whether the cluster has it, who shares what with whom.

A replica is one bundle of a placement group, and a bundle lies on one node: so the cards of
one replica are always together (STRICT_PACK), and SPREAD puts replicas on different nodes
where there are several.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import floor
from typing import Any, Literal

from sut.config.engine_traits import EngineTraits
from sut.config.schema import RunConfig
from sut.errors import EngineStartError

Resources = dict[str, float]
STRATEGY = "SPREAD"
ROUNDING = 1e-9


def needed(config: RunConfig) -> Resources:
    """What one replica asks of its node."""
    resources: Resources = {"CPU": config.engine.ray.cpus_per_replica}
    cards = config.engine.planned().cards_per_replica
    if config.system.platform == "cuda" and cards:
        resources["GPU"] = float(cards)
    return resources


def how_many(
    asked: int | Literal["all"], need: Resources, nodes: Sequence[Mapping[str, Any]]
) -> int:
    """The number of replicas, held against the cluster before anything is asked of it.

    Args:
        asked: replicas, or all that fit.
        need: of one replica.
        nodes: as `ray.nodes()` lists them.

    Raises:
        EngineStartError: fewer fit than asked for; names the resource and what each node has.
    """
    total = sum(fits(need, node) for node in nodes if node["Alive"])
    wanted = max(1, total) if asked == "all" else asked
    if total >= wanted:
        return wanted
    has = "; ".join(
        f"{_name(node)} has {amounts(node['Resources'], need)}" for node in nodes if node["Alive"]
    )
    raise EngineStartError(
        f"{wanted} replicas need {amounts(need, need)} each; the cluster has room for {total}: "
        f"{has or 'no node is alive'}.",
        remedy="Ask for fewer with --replicas, or add nodes.",
    )


def spread(
    asked: int | Literal["all"], need: Resources, nodes: Sequence[Mapping[str, Any]]
) -> list[int]:
    """How many replicas each node would have, dealt in turn as STRATEGY does; at most what fits."""
    room = [fits(need, node) for node in nodes]
    if asked == "all":
        return room
    given = [0] * len(nodes)
    for _ in range(min(asked, sum(room))):
        emptiest = min((n for n in range(len(nodes)) if given[n] < room[n]), key=given.__getitem__)
        given[emptiest] += 1
    return given


def fits(need: Mapping[str, float], node: Mapping[str, Any]) -> int:
    """How often the need goes into what a node has; 0.2 goes into 1.0 five times."""
    has: Mapping[str, float] = node["Resources"]
    return min(floor(has.get(name, 0.0) / amount + ROUNDING) for name, amount in need.items())


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def amounts(resources: Mapping[str, float], names: Mapping[str, float]) -> str:
    """How much there is of each of these, in words."""
    return " and ".join(f"{resources.get(name, 0.0):g} {name}" for name in names)


def cores_for(places: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Each replica's own cores: a node's usable cores, cut evenly among its replicas.

    Raises:
        EngineStartError: a node has fewer cores than replicas.
    """
    on_node: dict[str, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        on_node[place["node_id"]].append(number)
    cores: list[list[int]] = [[] for _ in places]
    for numbers in on_node.values():
        usable = sorted(set().union(*(places[number]["cores"] for number in numbers)))
        share = len(usable) // len(numbers)
        if not share:
            raise EngineStartError(
                f"{places[numbers[0]]['host']} has {len(usable)} cores for {len(numbers)} "
                "replicas.",
                remedy="Ask for fewer with --replicas.",
            )
        for position, number in enumerate(numbers):
            cores[number] = usable[position * share : (position + 1) * share]
    return cores


def refuse_shared_cards(cards: Mapping[str, Sequence[str]], each: int) -> None:
    """Every engine has its own cards.

    Args:
        cards: UUIDs that each engine sees, by the name the user knows it under.
        each: how many it must see.

    Raises:
        EngineStartError: two share a card, or one sees another number of them.
    """
    for name, uuids in cards.items():
        if len(uuids) != each:
            raise EngineStartError(
                f"{name} sees {len(uuids)} GPUs, not {each}.",
                remedy="Look at CUDA_VISIBLE_DEVICES and nvidia-smi on that node.",
            )
    used = Counter(uuid for uuids in cards.values() for uuid in uuids)
    for uuid, count in used.items():
        if count > 1:
            holders = [name for name, uuids in cards.items() if uuid in uuids]
            raise EngineStartError(
                f"{' and '.join(holders)} share GPU {uuid}.",
                remedy="Stop what else runs on the cluster, or start Ray anew, once on each host.",
            )


def refuse_other_weights(places: Sequence[Mapping[str, Any]]) -> None:
    """Every replica answers with the same weights, by the checksum of the files it read.

    Raises:
        EngineStartError: naming two hosts whose files differ.
    """
    first = places[0]
    for place in places:
        if place["model_sha256"] != first["model_sha256"]:
            raise EngineStartError(
                f"the weights on {place['host']} ({place['node_ip']}) are not those on "
                f"{first['host']} ({first['node_ip']}): SHA-256 {_short(place)} and "
                f"{_short(first)}.",
                remedy="Copy the same files to every node.",
            )


def same_traits(
    places: Sequence[Mapping[str, Any]], started: Sequence[Mapping[str, Any]]
) -> EngineTraits:
    """What every replica told alike; it is told once, and must be true of each.

    Raises:
        EngineStartError: naming the trait, and two hosts whose engines differ in it.
    """
    first = EngineTraits.model_validate(started[0]["traits"])
    for place, answer in zip(places, started, strict=True):
        other = EngineTraits.model_validate(answer["traits"])
        for trait in EngineTraits.model_fields:
            here, there = getattr(first, trait), getattr(other, trait)
            if here != there:
                raise EngineStartError(
                    f"the engine on {place['host']} ({place['node_ip']}) is not that on "
                    f"{places[0]['host']} ({places[0]['node_ip']}): its {trait} is {there}, "
                    f"not {here}.",
                    remedy="Install the same versions on every node.",
                )
    return first


def describe_nodes(places: Sequence[dict[str, Any]], started: Sequence[Mapping[str, Any]]) -> None:
    """Put what each node is, `hardware` and `software`, into the place of its first replica.

    A replica sees its own cards and cores: the node's are those of all its replicas.

    Args:
        places: where each replica is.
        started: what each answered to its start.
    """
    on_node: dict[str, list[int]] = defaultdict(list)
    for number, place in enumerate(places):
        on_node[place["node_id"]].append(number)
    for numbers in on_node.values():
        cards = {card["uuid"]: card for n in numbers for card in started[n]["hardware"]["gpus"]}
        cores = {core for n in numbers for core in places[n]["cores"]}
        first = numbers[0]
        places[first]["hardware"] = started[first]["hardware"] | {
            "gpus": list(cards.values()),
            "cpu_threads_usable": len(cores),
        }
        places[first]["software"] = started[first]["software"]


def _short(place: Mapping[str, Any]) -> str:
    sha256 = place["model_sha256"]
    return "unknown" if sha256 is None else f"{sha256[:12]}…"
