"""Both ends of a stream, over this machine's own TCP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
import uvloop

from sut.engines.ray import stream as stream_module
from sut.engines.ray.listener import Listener
from sut.engines.ray.seal import (
    CLAIM,
    NONCE,
    PROOF,
    BrokenStreamError,
    Kind,
    Sealer,
    Secret,
)
from sut.engines.ray.stream import LOST, DriverEnd, ReplicaEnd, call
from sut.errors import EngineStartError

HERE = "127.0.0.1"
WAIT_S = 10.0
OTHER = Secret(b"o" * 32)


class Heard:
    """What one end was told."""

    def __init__(self, end: DriverEnd | ReplicaEnd):
        self.end = end
        self.frames: asyncio.Queue[tuple[Kind, bytes]] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.roomy = asyncio.Event()
        end.attach(lambda *frame: self.frames.put_nowait(frame), self.ended.set, self.roomy.set)

    async def next(self) -> tuple[Kind, bytes]:
        return await asyncio.wait_for(self.frames.get(), WAIT_S)

    async def cause(self) -> str | None:
        await asyncio.wait_for(self.ended.wait(), WAIT_S)
        return self.end.broken


async def closed(listener: Listener) -> None:
    """Close it, and let the loop close what was let go of."""
    listener.close()
    for _ in range(5):
        await asyncio.sleep(0)


def with_both(scenario: Callable[[Listener, int, Heard, Heard], Awaitable[None]]) -> None:
    """Run with a listener, its port, and both ends of replica 3's stream, the driver's first."""

    async def run() -> None:
        listener = Listener()
        port = await listener.open(HERE, 0)
        replica = await call(HERE, port, listener.secret, 3)
        try:
            await scenario(listener, port, Heard(listener.streams[3]), Heard(replica))
        finally:
            replica.close()
            await closed(listener)

    # The driver has uvloop, and a replica what Ray gives it.
    for loop in (uvloop.new_event_loop, asyncio.new_event_loop):
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(run())


def test_frames_go_both_ways_and_a_sign_is_answered() -> None:
    async def scenario(_: Listener, __: int, driver: Heard, replica: Heard) -> None:
        driver.end.send(Kind.QUERIES, b"there")
        replica.end.send(Kind.EVENTS, b"back")
        assert await replica.next() == (Kind.QUERIES, b"there")
        assert await driver.next() == (Kind.EVENTS, b"back")
        assert isinstance(driver.end, DriverEnd)
        await asyncio.wait_for(driver.end.sign(), WAIT_S)
        assert replica.frames.empty(), "a sign is the stream's own"

    with_both(scenario)


def test_a_socket_that_closes_breaks_the_stream_and_whoever_waits_for_a_sign() -> None:
    async def scenario(_: Listener, __: int, driver: Heard, replica: Heard) -> None:
        assert isinstance(driver.end, DriverEnd)
        waiting = asyncio.ensure_future(driver.end.sign())
        await asyncio.sleep(0)
        assert replica.end._transport is not None
        replica.end._transport.abort()
        assert await driver.cause() in {LOST, "[Errno 104] Connection reset by peer"}
        for each in (waiting, driver.end.sign()):
            with pytest.raises(BrokenStreamError):
                await asyncio.wait_for(each, WAIT_S)
        driver.end.send(Kind.QUERIES, b"into nothing")

    with_both(scenario)


def test_bytes_that_are_no_frame_break_the_stream_by_name() -> None:
    async def scenario(_: Listener, __: int, driver: Heard, replica: Heard) -> None:
        assert replica.end._transport is not None
        replica.end._transport.write(bytes(100))
        assert await driver.cause() == "it carried a frame without its seal"
        assert await replica.cause() in {LOST, "[Errno 104] Connection reset by peer"}
        assert (driver.end.by_what_came, replica.end.by_what_came) == (True, False)

    with_both(scenario)


def test_whatever_a_frame_makes_us_raise_breaks_the_stream_by_name() -> None:
    async def scenario(_: Listener, __: int, driver: Heard, replica: Heard) -> None:
        def heard(kind: Kind, payload: bytes) -> None:
            raise KeyError(payload.decode())

        driver.end.attach(heard, driver.ended.set, driver.roomy.set)
        replica.end.send(Kind.EVENTS, b"odd")
        assert await driver.cause() == "a frame was not understood: KeyError: 'odd'"

    with_both(scenario)


def test_who_was_let_go_of_is_heard_no_more() -> None:
    async def scenario(_: Listener, __: int, driver: Heard, replica: Heard) -> None:
        told: list[bytes] = []

        def heard(kind: Kind, payload: bytes) -> None:
            told.append(payload)
            driver.end.close()

        driver.end.attach(heard, driver.ended.set, driver.roomy.set)
        replica.end.send(Kind.EVENTS, b"1")
        replica.end.send(Kind.EVENTS, b"2")
        await replica.cause()
        assert told == [b"1"]
        assert not driver.ended.is_set(), "who closes a stream needs not be told of its end"

    with_both(scenario)


def test_without_a_reader_there_is_room_no_more_until_it_reads() -> None:
    async def scenario(_: Listener, __: int, driver: Heard, replica: Heard) -> None:
        reader, sent = replica.end._transport, 0
        assert reader is not None
        reader.pause_reading()
        while driver.end.has_room and sent < 100:
            driver.end.send(Kind.QUERIES, bytes(1 << 20))
            sent += 1
            await asyncio.sleep(0)
        assert sent < 100, "what nobody reads is bounded"
        reader.resume_reading()
        await asyncio.wait_for(driver.roomy.wait(), WAIT_S)
        assert [len((await replica.next())[1]) for _ in range(sent)] == [1 << 20] * sent

    with_both(scenario)


def test_a_wrong_secret_is_refused_and_disturbs_nobody() -> None:
    async def scenario(listener: Listener, port: int, driver: Heard, replica: Heard) -> None:
        with pytest.raises(BrokenStreamError):
            await call(HERE, port, OTHER, 4)
        assert set(listener.streams) == {3}
        driver.end.send(Kind.QUERIES, b"still there")
        assert await replica.next() == (Kind.QUERIES, b"still there")

    with_both(scenario)


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\n\r\n" * 10, bytes(CLAIM), b"\xff" * 4096])
def test_a_stranger_is_let_go_of_and_disturbs_nobody(said: bytes) -> None:
    async def scenario(listener: Listener, port: int, driver: Heard, replica: Heard) -> None:
        reader, writer = await asyncio.open_connection(HERE, port)
        writer.write(said)
        with suppress(ConnectionResetError):  # what it had not read was thrown away
            assert len(await asyncio.wait_for(reader.read(), WAIT_S)) == NONCE, "its nonce only"
        writer.close()
        assert set(listener.streams) == {3}
        replica.end.send(Kind.EVENTS, b"still there")
        assert await driver.next() == (Kind.EVENTS, b"still there")

    with_both(scenario)


def test_a_stranger_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "GREETING_S", 0.01)

    async def scenario() -> None:
        listener = Listener()
        reader, writer = await asyncio.open_connection(HERE, await listener.open(HERE, 0))
        with suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), WAIT_S)  # to its end
        assert listener.streams == {}
        writer.close()
        await closed(listener)

    asyncio.run(scenario())


def test_a_replica_has_one_stream() -> None:
    async def scenario(listener: Listener, port: int, driver: Heard, replica: Heard) -> None:
        with pytest.raises(BrokenStreamError):
            await call(HERE, port, listener.secret, 3)
        assert listener.streams[3] is driver.end
        driver.end.send(Kind.QUERIES, b"still there")
        assert await replica.next() == (Kind.QUERIES, b"still there")

    with_both(scenario)


def test_a_replica_does_not_trust_a_driver_without_the_secret() -> None:
    async def scenario() -> None:
        done = asyncio.Event()

        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(bytes(NONCE))
            await reader.readexactly(CLAIM)
            writer.write(bytes(PROOF))
            with suppress(ConnectionResetError):
                await reader.read()
            writer.close()
            done.set()

        server = await asyncio.start_server(greet, HERE, 0)
        with pytest.raises(BrokenStreamError, match="who answered does not have the session's"):
            await call(HERE, server.sockets[0].getsockname()[1], OTHER, 0)
        await asyncio.wait_for(done.wait(), WAIT_S)
        server.close()
        await server.wait_closed()

    asyncio.run(scenario())


def test_a_frame_that_comes_with_the_greeting_is_heard() -> None:
    async def scenario() -> list[bytes]:
        end, wire, nonce = ReplicaEnd(OTHER, 0), Wire(), b"n" * NONCE
        told: list[bytes] = []
        end.attach(lambda _, payload: told.append(payload), lambda: None, lambda: None)
        end.connection_made(wire)
        end.data_received(nonce)
        _, own = OTHER.claimed(b"".join(wire.written), nonce)
        frame = Sealer(OTHER.keys(nonce, own)[0]).frame(Kind.QUERIES, b"early")
        end.data_received(OTHER.proof(nonce, own) + frame)
        end.close()
        return told

    assert asyncio.run(scenario()) == [b"early"]


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self._socket = socket.socket()

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self._socket

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def abort(self) -> None:
        self._socket.close()


def test_the_way_may_be_of_the_other_family() -> None:
    async def scenario() -> None:
        listener = Listener()
        try:
            port = await listener.open("::1", 0)
        except EngineStartError:
            pytest.skip("this machine has no IPv6")
        replica = await call("::1", port, listener.secret, 0)
        await asyncio.wait_for(listener.streams[0].sign(), WAIT_S)
        assert set(listener.streams) == {0}
        replica.close()
        await closed(listener)

    asyncio.run(scenario())


def test_a_port_that_is_taken_is_named_with_the_setting() -> None:
    async def scenario() -> None:
        listener, other = Listener(), Listener()
        port = await listener.open(HERE, 0)
        with pytest.raises(EngineStartError) as error:
            await other.open(HERE, port)
        await closed(listener)
        assert f"at {HERE}, port {port}: " in error.value.message
        assert error.value.remedy is not None
        assert "engine.ray.port" in error.value.remedy

    asyncio.run(scenario())
