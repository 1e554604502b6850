"""The nodes of a coordinated run on Ray: an actor on each that has room for an engine.

A node with several cards takes part once for each card, or group of cards, an engine needs.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any

from sut.cluster.node_run import Message, NodeRun, Sign
from sut.config.schema import RunConfig
from sut.engines.ray.connection import connect, disconnect
from sut.engines.ray.faults import in_one_line
from sut.engines.ray.head import head_gone
from sut.engines.ray.placement import fits, how_many, needed, refuse_shared_cards
from sut.errors import EngineStartError
from sut.machine.signals import ignore_further

CLOSE_S = 15.0
# A blocked `next_message` and `stop` must leave room for signs of life and the rest.
ACTOR_THREADS = 8


@dataclass(frozen=True)
class RayNode:
    """Keeps the `Node` protocol of `sut.cluster.barrier`."""

    name: str
    place: str
    actor: Any

    def _call(self, method: str, *arguments: object) -> Future[Any]:
        future: Future[Any] = getattr(self.actor, method).remote(*arguments).future()
        return future

    def start(self, document: str, patience_s: float) -> Future[Any]:
        return self._call("start", document, patience_s)

    def next_message(self) -> Future[Message]:
        return self._call("next_message")

    def go(self) -> Future[Any]:
        return self._call("go")

    def sign(self) -> Future[Sign]:
        return self._call("sign")

    def stop(self, grace_s: float) -> Future[Any]:
        return self._call("stop", grace_s)

    def session(self) -> Future[bytes | None]:
        return self._call("session")

    def forget(self) -> Future[Any]:
        return self._call("forget")

    def why(self, error: BaseException) -> str:
        return in_one_line(error)


@dataclass(frozen=True)
class Workers:
    """The nodes, and the cluster's head that holds them together."""

    nodes: Sequence[RayNode]
    head: str

    def head_gone(self, timeout_s: float) -> str | None:
        """See `sut.engines.ray.head`."""
        return asyncio.run(head_gone(self.head, timeout_s))


@contextlib.contextmanager
def workers(config: RunConfig, say: Callable[[str], None]) -> Iterator[Workers]:
    """An actor for every engine that the cluster has room for; all gone when this ends.

    Args:
        config: of the run; it names the cluster.
        say: takes lines for the user: where a session is that was not fetched.

    Raises:
        EngineStartError: the cluster cannot be reached, or no node has room.
    """
    connect(config.engine.ray.address, 0, 0)
    import ray

    nodes: list[RayNode] = []
    folders: dict[str, str] = {}
    try:
        nodes += _place(config)
        places = _await_places(nodes, config.engine.start_timeout_s)
        folders |= {name: place["folder"] for name, place in places.items()}
        _refuse_shared_cards(config, places)
        yield Workers(nodes, ray.get_runtime_context().gcs_address)
    finally:
        ignore_further()  # an actor that is not ended outlives us
        for line in _end(nodes, folders):
            say(line)
        _leave(nodes)


def _place(config: RunConfig) -> list[RayNode]:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    need = needed(config)
    listed = ray.nodes()
    how_many(1, need, listed)
    fitting = sorted(places_for(need, listed), key=lambda node: str(node["NodeManagerAddress"]))
    actor = ray.remote(NodeRun)
    return [
        RayNode(
            name,
            f"{node['NodeManagerHostname']}, {node['NodeManagerAddress']}",
            actor.options(
                num_cpus=need["CPU"],
                num_gpus=need.get("GPU", 0),
                max_restarts=0,
                max_concurrency=ACTOR_THREADS,
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            ).remote(),
        )
        for name, node in zip(names_of(fitting), fitting, strict=True)
    ]


def places_for(
    need: Mapping[str, float], nodes: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """The nodes that are alive and have what one engine needs, each as often as it takes part.

    Without cards that is once: an engine on a CPU uses all of the node's cores.
    """
    found: list[Mapping[str, Any]] = []
    for node in nodes:
        count = fits(need, node) if node["Alive"] else 0
        found += [node] * (count if "GPU" in need else min(count, 1))
    return found


def names_of(nodes: Sequence[Mapping[str, Any]]) -> list[str]:
    """A name for each node's files: its host's; its address where hosts share a name.

    Nodes that share both are numbered.
    """
    hosts = [_for_a_file(str(node["NodeManagerHostname"])) for node in nodes]
    addresses = [_for_a_file(str(node["NodeManagerAddress"])) for node in nodes]
    for names in (hosts, addresses):
        if len(set(names)) == len(names):
            return names
    counted = Counter[str]()
    numbered = []
    for host in hosts:
        counted[host] += 1
        numbered.append(f"{host}-{counted[host]}")
    return numbered


def _for_a_file(text: str) -> str:
    kept = (c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in text)
    return "".join(kept) or "node"


def _await_places(nodes: Sequence[RayNode], timeout_s: float) -> dict[str, dict[str, Any]]:
    """Every actor says where it is, by node name, or the user is told which does not."""
    asked = {node.actor.whereabouts.remote().future(): node for node in nodes}
    wait(asked, timeout=timeout_s)
    places: dict[str, dict[str, Any]] = {}
    for future, node in asked.items():
        why = f"it gave no answer within {timeout_s:g} s"
        if future.done():
            error = future.exception()
            if error is None:
                places[node.name] = future.result()
                continue
            why = in_one_line(error)
        raise EngineStartError(
            f"node {node.name} ({node.place}) could not be used: {why}.",
            remedy="Run: python -m sut.main cluster check.",
        )
    return places


def _refuse_shared_cards(config: RunConfig, places: Mapping[str, Mapping[str, Any]]) -> None:
    """Two of Ray's nodes may be one host, and each may believe the host's cards its own."""
    need = needed(config)
    if "GPU" in need:
        cards = {f"node {name}": place["gpu_uuids"] for name, place in places.items()}
        refuse_shared_cards(cards, int(need["GPU"]))


def _end(nodes: Sequence[RayNode], folders: Mapping[str, str]) -> Iterator[str]:
    """End the runs and delete their files; a line for each session that is left on its node.

    Args:
        nodes: of which some may never answer.
        folders: where each node's runs left their files, by node name.
    """
    asked = {node.actor.close.remote().future(): node for node in nodes}
    closed, _ = wait(asked, timeout=CLOSE_S)
    # Never answered: the call fails when the process is gone.
    ended = [asked[each].actor.end.remote().future() for each in closed if not each.exception()]
    wait(ended, timeout=CLOSE_S)
    for future, node in asked.items():
        where = f"node {node.name} ({node.place})"
        if future.done() and future.exception() is None:
            for path in future.result():
                yield f"{where}: its session was not fetched and stays there in {path}."
        elif node.name in folders:
            yield (
                f"{where} did not answer at the end: a session that was not fetched stays there "
                f"below {folders[node.name]}."
            )


def _leave(nodes: Sequence[RayNode]) -> None:
    """End actors and connection; nothing here waits for ever."""

    def leave() -> None:
        import ray

        for node in nodes:
            with contextlib.suppress(Exception):
                ray.kill(node.actor)
        disconnect()

    # Both may block where the cluster's head is gone; the process's end does it then.
    leaving = threading.Thread(target=leave, daemon=True)
    leaving.start()
    leaving.join(CLOSE_S)
