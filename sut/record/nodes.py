"""Where a session's engine ran: the nodes of its replicas, what they are, the cards they had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from sut.record.facts import EngineFacts, GpuFacts, HardwareFacts, SoftwareFacts
from sut.record.frozen import Facts

F = TypeVar("F", bound=Facts)


@dataclass(frozen=True)
class Node:
    """A machine that answered queries, and the cards it did so with, by UUID.

    Attributes:
        hardware: None where the session does not tell, as earlier ones do not.
        software: None for the machine itself, whose versions are the session's.
    """

    host: str
    cards: frozenset[str]
    hardware: HardwareFacts | None
    software: SoftwareFacts | None = None

    @property
    def gpus(self) -> list[GpuFacts]:
        """Those of its cards that answered and that the session describes."""
        described = [] if self.hardware is None else self.hardware.gpus
        return [gpu for gpu in described if gpu.uuid in self.cards]


def nodes(here: HardwareFacts, engine: EngineFacts | None) -> list[Node]:
    """One for each node of Ray that holds replicas; else the machine with the cards it gave.

    Args:
        here: the machine the session was made on.
        engine: of the session; None: it never became ready.
    """
    places = _places(engine)
    if not places:
        given = None if engine is None else engine.cards
        all_here = [gpu.uuid for gpu in here.gpus]
        return [Node(here.host, frozenset(all_here if given is None else given), here)]
    # By Ray's number: machines that were copied from one image share their name.
    by_node: dict[str, list[dict[str, Any]]] = {}
    for place in places:
        by_node.setdefault(place["node_id"], []).append(place)
    only_here = len(by_node) == 1 and places[0]["host"] == here.host
    return [_node(mine, here if only_here else None) for mine in by_node.values()]


def _node(places: Sequence[Mapping[str, Any]], known: HardwareFacts | None) -> Node:
    """A node by what its replicas said, one of them for all."""
    cards = frozenset(card for place in places for card in place["gpu_uuids"])
    hardware = _first(HardwareFacts, "hardware", places)
    software = _first(SoftwareFacts, "software", places)
    return Node(places[0]["host"], cards, hardware or known, software)


def _first(kind: type[F], name: str, places: Sequence[Mapping[str, Any]]) -> F | None:
    """What the first that tells has under this name; None if none does, or in other words."""
    for place in places:
        if name in place:
            try:
                return kind.model_validate(place[name])
            except ValidationError:
                return None
    return None


def cards_here(here: HardwareFacts, engine: EngineFacts | None) -> list[str]:
    """UUIDs of the cards of this machine that answer."""
    mine = {gpu.uuid for gpu in here.gpus}
    return sorted(mine & {card for node in nodes(here, engine) for card in node.cards})


def is_elsewhere(here: HardwareFacts, engine: EngineFacts | None) -> bool:
    """Whether replicas ran on another machine than the one the session was made on."""
    found = nodes(here, engine)
    return len(found) > 1 or found[0].host != here.host


def _places(engine: EngineFacts | None) -> list[dict[str, Any]]:
    """What each replica said of its whereabouts; nothing without replicas on Ray."""
    return list(engine.details.get("replicas", ())) if engine else []
