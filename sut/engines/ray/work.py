"""A replica's work: queries from its stream to its engine, and what came of them back.

Everything of one turn of the loop goes in one frame. Where the driver is slow to read, events wait
and the next frame takes more of them; they are at most two for each query under way.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Sequence

from sut.engines.base import Engine, Event, Failed, Finished, FirstToken, RunSpec
from sut.engines.ray.frames import FrameBuilder, open_queries
from sut.engines.ray.seal import BrokenStreamError, Kind, Secret
from sut.engines.ray.stream import Stream, call


class Work:
    """What one replica does between its stream and its engine."""

    def __init__(self) -> None:
        self._stream: Stream | None = None
        self._engine: Engine | None = None
        self._run: int | None = None
        self._builder = FrameBuilder(0)
        self._received_ns = array("q")
        self._sending = False

    async def connect(self, host: str, port: int, secret: Secret, number: int) -> None:
        """Call the driver.

        Raises:
            OSError: nobody answers there, or not in time.
            BrokenStreamError: who answers is not the driver, or does not know us.
        """
        self._stream = await call(host, port, secret, number)
        self._stream.attach(self._heard, lambda: None, self._send)

    def wrong(self) -> str | None:
        """None while the stream carries, else what is wrong in one line."""
        if self._stream is None or self._stream.broken is None:
            return None
        return f"its stream broke ({self._stream.broken})"

    def begin(self, engine: Engine, spec: RunSpec) -> None:
        """Later queries belong to this run; what an earlier one left is forgotten."""
        self._engine, run = engine, spec.run
        self._run, self._builder, self._received_ns = run, FrameBuilder(run), array("q")
        engine.begin_run(spec, lambda events: self._take(run, events))

    def forget(self) -> None:
        """The run was given up: queries of it that still come are nobody's."""
        self._run, self._builder = None, FrameBuilder(0)

    def _heard(self, kind: Kind, payload: bytes) -> None:
        if kind is not Kind.QUERIES:
            raise BrokenStreamError(f"the driver sent {kind.name}")
        run, wanted = open_queries(payload)
        if run != self._run or self._engine is None:
            return
        first_seq = len(self._received_ns)
        self._received_ns.extend([time.monotonic_ns()] * len(wanted))
        self._engine.submit(first_seq, wanted)

    def _take(self, run: int, events: Sequence[Event]) -> None:
        if run != self._run:
            return
        now_ns, builder, received = time.monotonic_ns(), self._builder, self._received_ns
        for event in events:
            if type(event) is FirstToken:
                builder.first(event, now_ns - received[event.seq])
            elif type(event) is Finished:
                builder.finished(event, now_ns - received[event.seq])
            elif type(event) is Failed:
                builder.failed(event)
        if not self._sending:
            self._sending = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._sending = False
        if self._stream is None or not self._stream.has_room:
            return
        for frame in self._builder.take():
            self._stream.send(Kind.EVENTS, frame)
