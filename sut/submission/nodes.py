"""Where a session's engine ran: the nodes of its replicas and the cards they had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sut.result.facts import GpuFacts, SessionFacts


@dataclass(frozen=True)
class Node:
    """A machine that answered queries, and the cards it did so with, by UUID."""

    host: str
    cards: frozenset[str]


def nodes(facts: SessionFacts) -> list[Node]:
    """One for each node of Ray that holds replicas; else the machine itself with all its cards."""
    places = _places(facts)
    if not places:
        hardware = facts.hardware
        return [Node(hardware.host, frozenset(gpu.uuid for gpu in hardware.gpus))]
    # By Ray's number: machines that were copied from one image share their name.
    hosts = {place["node_id"]: place["host"] for place in places}
    return [
        Node(host, frozenset(c for p in places if p["node_id"] == node for c in p["gpu_uuids"]))
        for node, host in hosts.items()
    ]


def is_elsewhere(facts: SessionFacts) -> bool:
    """Whether replicas ran on a machine that the session does not describe: it knows its own."""
    found = nodes(facts)
    return len(found) > 1 or found[0].host != facts.hardware.host


def cards_here(facts: SessionFacts) -> list[GpuFacts]:
    """The cards of this machine that answered."""
    if is_elsewhere(facts):
        return []
    (node,) = nodes(facts)
    return [gpu for gpu in facts.hardware.gpus if gpu.uuid in node.cards]


def _places(facts: SessionFacts) -> list[dict[str, Any]]:
    """What each replica said of its whereabouts; nothing without replicas on Ray."""
    details = facts.engine.details if facts.engine else {}
    return list(details.get("replicas", ()))
