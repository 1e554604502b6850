"""The replicas of a pool: placed, started, named, and ended."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

from sut.config.absolute import with_absolute_paths
from sut.config.schema import RunConfig
from sut.engines.base import EngineInfo, EngineRequest
from sut.engines.ray.connection import connect, disconnect
from sut.engines.ray.environment import all_variables
from sut.engines.ray.faults import in_one_line
from sut.engines.ray.head import head_gone
from sut.engines.ray.listener import Listener
from sut.engines.ray.member import Member
from sut.engines.ray.placement import (
    STRATEGY,
    amounts,
    cores_for,
    describe_nodes,
    how_many,
    needed,
    refuse_other_weights,
    refuse_shared_cards,
    same_traits,
)
from sut.engines.ray.replica import Replica
from sut.errors import EngineStartError, HarnessError
from sut.inputs.weights import start_limit_s
from sut.machine.devices import gpus, usable_cores

END_S = 15.0
LOOPBACK = "127.0.0.1"
# What a replica says of its node and not of its engine.
OF_NODE = ("hardware", "software")


class Members:
    """Starts and ends the replicas of one pool."""

    def __init__(self, request: EngineRequest):
        self._request = request
        self._config = request.config
        self._group: Any = None
        self._connected = False
        self._head = ""
        self._head_gone: str | None = None
        self._listener = Listener()
        self._here: list[psutil.Process] = []
        self.everyone: list[Member] = []

    def alive(self) -> list[Member]:
        """Those that were not lost."""
        return [member for member in self.everyone if member.lost is None]

    def answering(self) -> list[Member]:
        """Those whose process can be asked: not lost, or lost by their own word."""
        return [each for each in self.everyone if each.lost is None or each.says_why]

    async def start(self) -> EngineInfo:
        """Connect, place, start; everything within `start_limit_s`.

        Raises:
            EngineStartError: naming what is missing, or the replica that failed and why.
        """
        timeout_s = start_limit_s(self._config)
        try:
            return await asyncio.wait_for(self._start(), timeout_s)
        except TimeoutError:
            raise EngineStartError(
                f"the replicas were not ready after {timeout_s:g} s; waiting for "
                f"{await self._waiting_for()}.",
                remedy="Raise engine.start_timeout_s, or run: python -m sut.main cluster check.",
            ) from None
        except HarnessError:
            raise
        except Exception as error:
            raise EngineStartError(
                f"the replicas could not be started: {in_one_line(error)}.",
                remedy="Run: python -m sut.main cluster check.",
            ) from error

    async def _waiting_for(self) -> str:
        """Who or what keeps the replicas from being ready."""
        if self.everyone:
            return ", ".join(member.name for member in self.everyone if not member.started)
        need = needed(self._config)
        found: list[dict[str, float]] = []
        await _aside(lambda: found.append(_free_resources()), END_S)
        free = f"; free in the cluster: {amounts(found[0], need)}" if found else ""
        return f"room for {self._config.engine.replicas} times {amounts(need, need)}{free}"

    async def _start(self) -> EngineInfo:
        config = self._config
        cores, cards = len(usable_cores()), len(gpus())
        await asyncio.to_thread(connect, config.engine.ray.address, cores, cards)
        self._connected = True
        import ray

        self._head = ray.get_runtime_context().gcs_address
        need = needed(config)
        asked = config.engine.replicas or 1
        count = how_many(asked, need, await asyncio.to_thread(ray.nodes))
        await self._place(count, need)
        places = await asyncio.gather(*(m.call("whereabouts") for m in self.everyone))
        for member, place in zip(self.everyone, places, strict=True):
            member.name = f"replica {member.number} on {place['host']} ({place['node_ip']})"
        if config.engine.ray.address is None:
            self._here = [psutil.Process(place["pid"]) for place in places]
        await self._open_streams()
        if "GPU" in need:
            cards_of = [place["gpu_uuids"] for place in places]
            names = [member.name for member in self.everyone]
            refuse_shared_cards(dict(zip(names, cards_of, strict=True)), int(need["GPU"]))
        elif config.engine.ray.cpus_per_replica >= 1:
            cores_of = cores_for(places)
            for member, place, own in zip(self.everyone, places, cores_of, strict=True):
                place["cores"] = own
                await member.call("bind", own)
        return await self._start_engines(places)

    async def _place(self, count: int, need: dict[str, float]) -> None:
        import ray
        from ray.util.placement_group import placement_group
        from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

        self._group = placement_group([need] * count, strategy=STRATEGY)
        await asyncio.wrap_future(self._group.ready().future())
        actor = ray.remote(Replica)
        text = _of_one_replica(self._config).model_dump_json()
        for number in range(count):
            options = actor.options(
                num_cpus=need["CPU"],
                num_gpus=need.get("GPU", 0),
                max_restarts=0,
                enable_task_events=False,  # a record of every call, for a dashboard nobody has
                scheduling_strategy=PlacementGroupSchedulingStrategy(
                    placement_group=self._group, placement_group_bundle_index=number
                ),
            )
            self.everyone.append(Member(number, options.remote(text, number)))

    async def _open_streams(self) -> None:
        """Before weights are read: a wall between driver and node is found within seconds."""
        import ray

        config, listener = self._config.engine.ray, self._listener
        # A cluster of our own is all on this machine.
        host = LOOPBACK if config.address is None else ray.util.get_node_ip_address()
        port = await listener.open(host, config.port)
        secret = listener.secret.value
        calls = [self._begun(each, "connect", host, port, secret) for each in self.everyone]
        await asyncio.gather(*calls)
        for member in self.everyone:
            member.stream = listener.streams[member.number]

    async def _start_engines(self, places: Sequence[dict[str, Any]]) -> EngineInfo:
        request = self._request
        calls = [
            self._started(member, request.context_tokens, request.dataset_sha256)
            for member in self.everyone
        ]
        # The first that fails ends the waiting: the slowest may take many minutes more.
        results: list[dict[str, Any]] = await asyncio.gather(*calls)
        for place, started in zip(places, results, strict=True):
            place["model_sha256"] = started["model_sha256"]
            place["told"] = started["details"]
        refuse_other_weights(places)
        describe_nodes(places, results)
        first = {key: value for key, value in results[0].items() if key not in OF_NODE}
        first["traits"] = same_traits(places, results)
        first["variables"] = all_variables(results)
        first["details"] = first["details"] | {"replicas": list(places)}
        return EngineInfo(**first, replicas=len(self.everyone))

    async def _started(self, member: Member, *arguments: object) -> dict[str, Any]:
        answer: dict[str, Any] = await self._begun(member, "start", *arguments)
        member.started = True
        return answer

    async def _begun(self, member: Member, method: str, *arguments: object) -> Any:
        """A call without which the replica is of no use.

        Raises:
            EngineStartError: naming the replica and its cause.
        """
        try:
            return await member.call(method, *arguments)
        except Exception as error:  # noqa: BLE001 - Ray wraps whatever the actor raised
            cause = getattr(error, "cause", None)
            remedy = cause.remedy if isinstance(cause, EngineStartError) else None
            said = in_one_line(error)
            if not isinstance(cause, EngineStartError):  # one of these names its replica itself
                said = f"{member.name}: {said}"
            raise EngineStartError(said, remedy=remedy) from None

    async def close(self) -> None:
        """End actors, placement and connection; nothing here waits for ever."""
        if not self._connected:
            return
        # Without its head Ray ends nothing and all count as lost; they may hear us all the same.
        here = self._head_gone is None
        asked = self.answering() if here else self.everyone
        # Before they are closed too: one whose engine does not end is never heard again.
        await self._keep_printed("log", asked)
        await self._keep_printed("close" if here else "end", asked)
        self._connected = False
        self._listener.close()
        await _aside(self._leave, END_S)

    def _leave(self) -> None:
        """Give back what is Ray's; blocks for as long as the head is silent."""
        import ray

        if self._head_gone is None:
            for member in self.everyone:
                with contextlib.suppress(Exception):
                    ray.kill(member.actor)
            if self._group is not None:
                with contextlib.suppress(Exception):
                    ray.util.remove_placement_group(self._group)
        disconnect()
        psutil.wait_procs(self._here, timeout=END_S)  # Ray ends them, and waits for none

    async def head_gone(self, timeout_s: float) -> str | None:
        """See `sut.engines.ray.head`; a head that is gone is remembered for `close`."""
        self._head_gone = await head_gone(self._head, timeout_s)
        return self._head_gone

    async def _keep_printed(self, method: str, asked: Sequence[Member]) -> None:
        """Call each; what they give was printed by their engines, and goes into engine.log."""
        calls = {member.call(method): member for member in asked}
        if not calls:
            return
        _, late = await asyncio.wait(calls, timeout=END_S)
        for call in late:
            call.cancel()
        printed = {
            member.name: call.result()
            for call, member in calls.items()
            if call not in late and not call.cancelled() and not call.exception()
        }
        texts = [f"==== {name}\n{text.rstrip()}\n" for name, text in printed.items() if text]
        await asyncio.to_thread(_append, self._request.log, "".join(texts))


async def _aside(function: Callable[[], None], timeout_s: float) -> None:
    """Run it on a thread for so long; one that hangs then is left and keeps no process alive."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        with contextlib.suppress(Exception):
            function()
        with contextlib.suppress(RuntimeError):  # the loop may have been closed meanwhile
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="ray-leave", daemon=True).start()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), timeout_s)


def _free_resources() -> dict[str, float]:
    import ray

    free: dict[str, float] = ray.available_resources()
    return free


def _append(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(text)


def _of_one_replica(config: RunConfig) -> RunConfig:
    """The configuration a replica works by: its own engine, and no replicas below it."""
    engine = config.engine.model_copy(update={"replicas": None})
    return with_absolute_paths(config).model_copy(update={"engine": engine})
