"""A replica's side of the work, over a stream that is none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, cast

import pytest

from sut.config.schema import NullConfig
from sut.engines.base import EventSink, Failed, Finished, FirstToken, RunSpec
from sut.engines.null import NullEngine
from sut.engines.ray.frames import Opened, open_frame, pack_queries
from sut.engines.ray.seal import BrokenStreamError, Kind
from sut.engines.ray.stream import ReplicaEnd
from sut.engines.ray.work import Work

SERVER = RunSpec(4, 8, 8, reports_first_token=True, throughput_first=False)


class Line:
    """A stream that keeps what is sent."""

    def __init__(self) -> None:
        self.has_room = True
        self.broken: str | None = None
        self.sent: list[Opened] = []

    def send(self, kind: Kind, payload: bytes) -> None:
        assert kind is Kind.EVENTS
        self.sent.append(open_frame(payload))


class Silent(NullEngine):
    """Answers nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__(NullConfig(), [2])
        self.asked: list[tuple[int, list[int]]] = []

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        self.sink = sink

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        self.asked.append((first_seq, list(indices)))


class Desk:
    """The work, with a line and an engine."""

    def __init__(self) -> None:
        self.work, self.line, self.engine = Work(), Line(), Silent()
        self.work._stream = cast("ReplicaEnd", self.line)
        self.work.begin(self.engine, SERVER)

    def ask(self, *indices: int, run: int = SERVER.run) -> None:
        for frame in pack_queries(run, indices):
            self.work._heard(Kind.QUERIES, frame)


def on_a_loop(scenario: Callable[[Desk], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        await scenario(Desk())

    asyncio.run(run())


def test_queries_are_counted_from_zero_in_the_order_they_come() -> None:
    async def scenario(desk: Desk) -> None:
        desk.ask(5, 6)
        desk.ask(7)
        assert desk.engine.asked == [(0, [5, 6]), (2, [7])]

    on_a_loop(scenario)


def test_what_a_turn_of_the_loop_brings_goes_in_one_frame() -> None:
    async def scenario(desk: Desk) -> None:
        desk.ask(5, 6)
        desk.engine.sink([FirstToken(0, 9), FirstToken(1, 9)])
        desk.engine.sink([Finished(1, b"\t\0\0\0", "stop"), Failed(0, "why")])
        assert desk.line.sent == []
        await asyncio.sleep(0)
        (frame,) = desk.line.sent
        assert frame.run == SERVER.run
        assert list(frame.first_seqs) == [0, 1]
        assert list(frame.done_seqs) == [1]
        assert frame.failures == [(0, "why")]
        assert min(frame.first_after_ns) >= 0
        await asyncio.sleep(0)
        assert len(desk.line.sent) == 1

    on_a_loop(scenario)


def test_events_wait_while_the_driver_does_not_read() -> None:
    async def scenario(desk: Desk) -> None:
        desk.ask(5, 6)
        desk.line.has_room = False
        for seq in (0, 1):
            desk.engine.sink([FirstToken(seq, 9)])
            await asyncio.sleep(0)
        assert desk.line.sent == []
        desk.line.has_room = True
        desk.work._send()
        (frame,) = desk.line.sent
        assert list(frame.first_seqs) == [0, 1]

    on_a_loop(scenario)


def test_queries_and_events_of_another_run_are_nobodys() -> None:
    async def scenario(desk: Desk) -> None:
        desk.ask(5, run=SERVER.run - 1)
        assert desk.engine.asked == []
        desk.ask(5)
        earlier = desk.engine.sink
        desk.work.begin(desk.engine, RunSpec(5, 8, 8, False, False))
        earlier([Finished(0, b"", "stop")])
        desk.ask(6, run=5)
        await asyncio.sleep(0)
        assert desk.engine.asked == [(0, [5]), (0, [6])]
        assert desk.line.sent == []

    on_a_loop(scenario)


def test_after_cancel_neither_queries_on_their_way_nor_answers_count() -> None:
    async def scenario(desk: Desk) -> None:
        desk.ask(5)
        desk.engine.sink([FirstToken(0, 9)])
        desk.work.forget()
        desk.ask(6)
        desk.engine.sink([Finished(0, b"", "stop")])
        await asyncio.sleep(0)
        assert desk.engine.asked == [(0, [5])]
        assert desk.line.sent == []

    on_a_loop(scenario)


def test_what_a_driver_may_not_send_is_named() -> None:
    async def scenario(desk: Desk) -> None:
        with pytest.raises(BrokenStreamError, match="EVENTS"):
            desk.work._heard(Kind.EVENTS, b"")
        assert desk.work.wrong() is None
        desk.line.broken = "the other end closed it"
        assert desk.work.wrong() == "its stream broke (the other end closed it)"

    on_a_loop(scenario)
