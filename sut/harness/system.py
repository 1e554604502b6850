"""The system under test: takes what LoadGen issues, hands it to the engine, reports back.

One class for every scenario; they differ in data (RunSpec) only. It lives on the engine's
loop and is the asyncio protocol at the parent's end of LoadGen's socket, so a query crosses
no thread: socket → ledger → engine → ledger → socket.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from array import array
from collections.abc import Callable, Sequence
from typing import cast

from qsl.library import Library
from sut.engines.base import Engine, Event
from sut.errors import HarnessError
from sut.harness.ledger import Ledger, NotAnEventError, as_text
from sut.loadgen.link import EventBatch, FrameReader, Kind, frame, parse_indices, parse_issue

HEALTH_INTERVAL_S = 0.5


class SystemUnderTest(asyncio.Protocol):
    """One LoadGen run against one engine.

    Args:
        engine: started, and told of this run with `on_events` as its sink.
        ledger: empty.
        library: the samples LoadGen may ask for.
        stall_timeout_s: seconds without any sign of the engine until it counts as hung.
        clock_ns: monotonic, the same clock LoadGen's process stamps issues with.
    """

    def __init__(
        self,
        engine: Engine,
        ledger: Ledger,
        library: Library,
        stall_timeout_s: float,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ):
        self._engine = engine
        self._ledger = ledger
        self._library = library
        self._stall_timeout_s = stall_timeout_s
        self._clock_ns = clock_ns
        self._last_sign_ns = clock_ns()
        self._reader = FrameReader()
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.fault: str | None = None
        self.loadgen_error: str | None = None
        self.loadgen_returned = False
        self.ended_by_us = False
        """Set before LoadGen's process is killed: then a link that breaks is no fault."""
        self.signs = 0
        """How many times LoadGen's process was heard."""
        self.disconnected = threading.Event()

    # -- LoadGen's side -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._spawn(self._watch_health())

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol: LoadGen's process has ended."""
        self._transport = None
        if exc is not None and not (self.loadgen_returned or self.ended_by_us):
            self.fail(f"the link to LoadGen broke: {type(exc).__name__}: {exc}")
        for task in self._tasks:
            task.cancel()
        # What stays frozen is alive at the interpreter's end, and libraries complain of it.
        gc.unfreeze()
        self.disconnected.set()

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol. Queries that arrive together are submitted together."""
        self.signs += 1
        first_seq, indices = self._ledger.issued, array("I")
        for kind, payload in self._reader.feed(data):
            if kind is Kind.ISSUE:
                seq, issued_ns, issued = parse_issue(payload)
                self._ledger.issue(seq, issued, issued_ns)
                indices.extend(issued)
            elif kind is Kind.LOAD:
                self._spawn(self._load(parse_indices(payload)))
            elif kind is Kind.UNLOAD:
                self._spawn(self._unload(parse_indices(payload)))
            elif kind is Kind.DONE:
                self.loadgen_returned = True
            elif kind is Kind.ERROR:
                self.loadgen_error = payload.decode(errors="replace")
        if indices:
            self._submit(first_seq, indices)

    def _submit(self, first_seq: int, indices: Sequence[int]) -> None:
        if self._ledger.outstanding == len(indices):
            self._last_sign_ns = self._clock_ns()
        if self.fault:
            self._report(self._ledger.fail_outstanding(self.fault, self._clock_ns()))
            return
        try:
            self._engine.submit(first_seq, indices)
        except Exception as error:  # noqa: BLE001 - an engine may be of any package
            self.fail(f"the engine took no queries: {type(error).__name__}: {error}")

    async def _load(self, indices: Sequence[int]) -> None:
        await self._engine.load_samples(self._library.load(indices))
        # What lives from here to the end is kept from the collector: walking through 13,368
        # prompts stops the event loop for 160 ms.
        gc.collect()
        gc.freeze()
        self._write(frame(Kind.READY))

    async def _unload(self, indices: Sequence[int]) -> None:
        await self._engine.unload_samples(indices)
        self._library.unload(indices)

    # -- the engine's side ----------------------------------------------------------------

    def on_events(self, events: Sequence[Event]) -> None:
        """The engine's event sink. One that gives what is no event can be trusted no more."""
        self._last_sign_ns = self._clock_ns()
        try:
            self._report(self._ledger.apply(events, self._clock_ns()))
        except NotAnEventError as error:
            self._report(error.told)
            self.fail(f"the engine gave what is no event: {error}")

    def fail(self, reason: str) -> None:
        """The engine can answer no more: end what is open, and whatever still comes."""
        if self.fault is None:
            self.fault = as_text(reason)
            self._report(self._ledger.fail_outstanding(self.fault, self._clock_ns()))

    async def _watch_health(self) -> None:
        while self.fault is None:
            try:
                await self._engine.health()
            except HarnessError as error:
                self.fail(error.message)
            silent_s = (self._clock_ns() - self._last_sign_ns) / 1e9
            if self._ledger.outstanding and silent_s > self._stall_timeout_s:
                self.fail(f"the engine answered nothing for {silent_s:.0f} s")
            await asyncio.sleep(HEALTH_INTERVAL_S)

    # -- plumbing ---------------------------------------------------------------------------

    def _report(self, batch: EventBatch) -> None:
        if batch:
            self._write(batch.frame())

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    def _spawn(self, coroutine: object) -> None:
        task = asyncio.ensure_future(cast("asyncio.Future[None]", coroutine))
        self._tasks.add(cast("asyncio.Task[None]", task))
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(cast("asyncio.Task[None]", task))
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(f"{type(error).__name__}: {error}")
