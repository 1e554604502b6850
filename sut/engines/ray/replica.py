"""The actor: any Engine, beside its data set, on its own cores or cards.

Ray starts it, places it and tells the driver when it dies. It loads weights and data set
where it runs. Queries and answers go by its stream (`work`), not by Ray's calls. All methods run
on the actor's one loop, where the stream and the engine live too.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from sut.config.schema import RunConfig
from sut.engines.base import Engine, EngineInfo, EngineRequest, RunSpec
from sut.engines.ray.children import wait_for_own
from sut.engines.ray.environment import placed_by_ray
from sut.engines.ray.load import Told, told_of
from sut.engines.ray.seal import BrokenStreamError, Secret
from sut.engines.ray.stream import GREETING_S
from sut.engines.ray.work import Work
from sut.engines.single import make_one
from sut.errors import EngineStartError, HarnessError
from sut.inputs.inputs import Inputs, load_inputs
from sut.inputs.variables import by_whom, planned_variables, require_declared
from sut.inputs.weights import fetch_limit_s, weights_sha256
from sut.machine.devices import gpus, usable_cores
from sut.machine.hardware import hardware, software

END_S = 10.0
# The driver gives a replica up after one such time without a sign; the other way round there is
# no hurry, and a driver that was only stopped for a while finds its replicas again.
FORGOTTEN_AFTER = 6
LOG_BYTES = 1 << 20


class Replica:
    """One replica; wrapped by Ray as an async actor.

    Args:
        config_json: the run's RunConfig.
        number: which replica this is, from 0.
    """

    def __init__(self, config_json: str, number: int):
        wait_for_own()
        self._config = RunConfig.model_validate_json(config_json)
        self._number = number
        self._engine: Engine | None = None
        self._inputs: Inputs | None = None
        self._log = Path(tempfile.mkdtemp(prefix="sut-replica-")) / f"engine-{number}.log"
        self._work = Work()
        self._run: int | None = None
        self._asked_s = 0.0
        self._fetched_bytes: int | None = None
        self._guard: asyncio.Future[None] | None = None  # held, or it would be collected

    async def whereabouts(self) -> dict[str, Any]:
        """Where this process is: node, cores, cards."""
        import ray

        context = ray.get_runtime_context()
        return {
            "replica": self._number,
            "pid": os.getpid(),
            "host": platform.node(),
            "node_id": context.get_node_id(),
            "node_ip": ray.util.get_node_ip_address(),
            "cores": usable_cores(),
            "gpu_uuids": [gpu.uuid for gpu in gpus()],
            "log": str(self._log),
        }

    async def bind(self, cores: Sequence[int]) -> None:
        """Keep this process, and those it will start, to these cores."""
        for thread in psutil.Process().threads():
            with contextlib.suppress(ProcessLookupError):  # one of Ray's that has ended meanwhile
                os.sched_setaffinity(thread.id, cores)

    async def connect(self, host: str, port: int, secret: bytes) -> None:
        """Call the driver, before anything takes long.

        Args:
            host: the driver's address.
            port: at which it listens.
            secret: of this session.

        Raises:
            EngineStartError: it cannot be reached.
        """
        try:
            await self._work.connect(host, port, Secret(secret), self._number)
        except (OSError, BrokenStreamError) as error:
            said = str(error) or f"silence for {GREETING_S:g} s"
            raise EngineStartError(
                f"replica {self._number} on {platform.node()} cannot reach the driver at "
                f"{host}, port {port}: {said}.",
                remedy="Let the nodes reach that port of the driver's machine; engine.ray.port "
                "sets which it is.",
            ) from None

    async def start(self, context_tokens: int, dataset_sha256: str) -> dict[str, Any]:
        """Load data set and weights; ready when this returns, with what it says of itself.

        `hardware` and `software` are its node's as it sees them: its own cards and cores.

        Raises:
            EngineStartError: with the cause in one line, whatever it was.
        """
        # The driver waits so long until all replicas have started, and asks from then on.
        config = self._config
        limit_s = config.engine.start_timeout_s + fetch_limit_s(config)
        self._asked_s = time.monotonic() + limit_s
        self._guard = asyncio.ensure_future(self._end_when_forgotten())
        try:
            placed = placed_by_ray(self._config)
            require_declared(self._config, os.environ, placed)
            reached_by = planned_variables(self._config, os.environ, placed)
            self._inputs = await asyncio.to_thread(load_inputs, self._config)
            found = self._inputs.dataset.sha256
            _require_same(found, dataset_sha256)
            request = EngineRequest(
                self._config, self._inputs.model_path, context_tokens, self._log, found
            )
            self._engine = make_one(request)
            hashing = asyncio.to_thread(weights_sha256, self._inputs.model_path)
            info, model_sha256 = await asyncio.gather(self._engine.start(), hashing)
            await self._engine.load_samples(self._inputs.before_the_clock)
        except HarnessError as error:
            # Rebuilt plainly: what crosses Ray must unpickle wherever it arrives.
            message = f"replica {self._number} on {platform.node()}: {error.message}"
            raise EngineStartError(message, remedy=error.remedy) from None
        told = reached_by if info.variables is None else info.variables
        return {
            **_plain(info),
            "model_sha256": model_sha256 if info.model_path else None,
            "variables": [asdict(each) for each in by_whom(told, placed)],
            "hardware": await asyncio.to_thread(hardware),
            "software": await asyncio.to_thread(software),
        }

    async def load(self, indices: bytes) -> None:
        """Load samples (int32 array) from this replica's own copy of the data set."""
        engine, inputs = self._ready()
        wanted = np.frombuffer(indices, np.int32).tolist()
        await engine.load_samples({i: inputs.dataset.prompt(i) for i in wanted if i >= 0})

    async def unload(self, indices: bytes) -> None:
        """Forget samples."""
        engine, _ = self._ready()
        await engine.unload_samples(np.frombuffer(indices, np.int32).tolist())

    async def begin_run(self, spec: RunSpec) -> None:
        """Later queries belong to this run; what an earlier one left is forgotten."""
        self._work.begin(self._ready()[0], spec)
        self._run = spec.run

    async def cancel(self) -> None:
        """Abandon everything in flight, and what is still on its way here."""
        self._work.forget()
        if self._engine is not None:
            await self._engine.cancel()

    async def stats(self) -> dict[str, float]:
        """The engine's counters."""
        return await self._ready()[0].stats()

    async def load_told(self, run: int, known: int) -> Told | None:
        """How busy the engine was in a run, beyond so many samples; None: it has yet to begin."""
        if self._engine is None or run != self._run:
            return None
        return told_of(self._engine.report(), known, time.monotonic_ns())

    async def health(self) -> str | None:
        """None if the engine can answer and the driver can hear it, else what is wrong."""
        self._asked_s = time.monotonic()
        try:
            await self._ready()[0].health()
        except HarnessError as error:
            return error.message
        return self._work.wrong()

    async def log(self) -> str:
        """What the engine printed since the last call, its end if it is long.

        It lies on this node.
        """
        begun, self._fetched_bytes = self._fetched_bytes or 0, 0
        try:
            text = await asyncio.to_thread(self._log.read_bytes)
        except OSError:
            return ""
        self._fetched_bytes = len(text)
        return text[begun:][-LOG_BYTES:].decode("utf-8", "replace")

    async def close(self) -> str:
        """Stop the engine and all its processes; what it printed meanwhile, after `log`."""
        if self._engine is not None:
            await self._engine.close()
        printed = await self.log()
        shutil.rmtree(self._log.parent, ignore_errors=True)
        return printed

    async def end(self) -> None:
        """Stop, and this process with it: for when Ray is not there to end it.

        What the engine printed stays on this node where nobody fetched it.
        """
        if self._engine is not None:
            with contextlib.suppress(Exception):  # one that cannot be stopped goes all the same
                await asyncio.wait_for(self._engine.close(), END_S)
        if self._fetched_bytes is not None or not self._log.exists():
            shutil.rmtree(self._log.parent, ignore_errors=True)
        os._exit(0)

    async def _end_when_forgotten(self) -> None:
        """A driver that asks no more is gone or cut off, and so may be the head.

        Ray leaves the processes of a node without a link for as long as the link is down.
        """
        ray = self._config.engine.ray
        left_s = FORGOTTEN_AFTER * ray.heartbeat_timeout_s
        while left_s > 0:
            await asyncio.sleep(left_s)
            asked_ago_s = time.monotonic() - self._asked_s
            left_s = FORGOTTEN_AFTER * ray.heartbeat_timeout_s - asked_ago_s
        await self.end()

    def _ready(self) -> tuple[Engine, Inputs]:
        if self._engine is None or self._inputs is None:
            raise EngineStartError(f"replica {self._number} was not started.")
        return self._engine, self._inputs


def _plain(info: EngineInfo) -> dict[str, Any]:
    """What crosses Ray must unpickle wherever it arrives."""
    return {
        "kind": info.kind,
        "arguments": info.arguments,
        "sampling": info.sampling,
        "traits": info.traits.model_dump(),
        "model_path": info.model_path,
        "details": info.details,
    }


def _require_same(found: str, dataset_sha256: str) -> None:
    if found != dataset_sha256:
        raise EngineStartError(
            f"the data set on {platform.node()} is not the driver's: its SHA-256 is "
            f"{found[:12]}…, not {dataset_sha256[:12]}….",
            remedy="Copy the same file to every node.",
        )
