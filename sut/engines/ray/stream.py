"""The two ends of the stream between the driver and one replica: TCP on their event loops.

The kernel wakes a loop once for a batch, whatever its size; no thread and no queue lies between.
A stream that breaks is not made again: it is its replica's loss (`pool`).
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Callable
from typing import cast

from sut.engines.ray.seal import (
    CLAIM,
    NONCE,
    PROOF,
    BrokenStreamError,
    Kind,
    Opener,
    Sealer,
    Secret,
)

GREETING_S = 10.0
LOST = "the other end closed it"


class Stream(asyncio.Protocol):
    """One end; what both have alike.

    Args:
        secret: the session's.
    """

    def __init__(self, secret: Secret):
        self._secret = secret
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sealer: Sealer | None = None
        self._opener: Opener | None = None
        self._heard: Callable[[Kind, bytes], None] | None = None
        self._ended: Callable[[], None] | None = None
        self._roomy: Callable[[], None] | None = None
        self._signs: list[asyncio.Future[None]] = []
        self.has_room = True
        """Whether what was sent has left; the kernel holds little, and our buffer 64 KiB."""
        self.broken: str | None = None
        """Why it is of no use any more, as the end of a sentence."""
        self.by_what_came = False
        """It was this end that broke it, and so knows best why."""

    def attach(
        self,
        heard: Callable[[Kind, bytes], None],
        ended: Callable[[], None],
        roomy: Callable[[], None],
    ) -> None:
        """Whom to tell of frames, of the end, and of room after there was none.

        Whatever `heard` raises breaks the stream.
        """
        self._heard, self._ended, self._roomy = heard, ended, roomy

    # -- asyncio.Protocol -------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        # Both loops do it today, and neither promises it.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of asyncio.Protocol."""
        self.end(LOST if exc is None else str(exc) or type(exc).__name__)

    def pause_writing(self) -> None:
        """Part of asyncio.Protocol."""
        self.has_room = False

    def resume_writing(self) -> None:
        """Part of asyncio.Protocol."""
        self.has_room = True
        if self._roomy is not None:
            self._roomy()

    def data_received(self, data: bytes) -> None:
        """Part of asyncio.Protocol."""
        if self.broken is not None:
            return
        try:
            if self._opener is None:
                self._buffer += data
                self._greet()
            else:
                self._frames(self._opener, data)
        except BrokenStreamError as error:
            self._reject(str(error))
        except Exception as error:  # noqa: BLE001 - no frame may end without a name for it
            self._reject(f"a frame was not understood: {type(error).__name__}: {error}")

    def _reject(self, why: str) -> None:
        self.by_what_came = self.broken is None
        self.end(why)

    # -- greeting ---------------------------------------------------------------------------

    def _greet(self) -> None:
        raise NotImplementedError

    def _cut(self, length: int) -> bytes | None:
        """So many bytes of what came; None: not all have come."""
        if len(self._buffer) < length:
            return None
        cut, self._buffer = self._buffer[:length], self._buffer[length:]
        return cut

    def _greeted(self, send: bytes, receive: bytes) -> None:
        self._sealer, self._opener = Sealer(send), Opener(receive)

    def _rest(self) -> None:
        """Frames may have come with the last of the greeting."""
        assert self._opener is not None, "before the greeting"
        rest, self._buffer = self._buffer, b""
        self._frames(self._opener, rest)

    # -- frames -----------------------------------------------------------------------------

    def _frames(self, opener: Opener, data: bytes) -> None:
        for kind, payload in opener.feed(data):
            if self.broken is not None:
                return  # who heard the last one has let go of it
            if kind is Kind.SIGN:
                self._sign()
            elif self._heard is not None:
                self._heard(kind, payload)

    def _sign(self) -> None:
        raise NotImplementedError

    def send(self, kind: Kind, payload: bytes = b"") -> None:
        """Send a frame; into nothing where the stream is broken."""
        if self._transport is not None and self._sealer is not None and self.broken is None:
            self._transport.write(self._sealer.frame(kind, payload))

    def end(self, why: str) -> None:
        """Let go of it at once; the first cause stays."""
        if self.broken is not None:
            return
        self.broken = why
        if self._transport is not None:
            self._transport.abort()
        for waiting in self._signs:
            if not waiting.done():
                waiting.set_exception(BrokenStreamError(why))
        if self._ended is not None:
            self._ended()

    def close(self) -> None:
        """Let go of it at once, and tell nobody here."""
        self._ended = None
        self.end("it was closed here")


class DriverEnd(Stream):
    """The driver's end: it was called, and whoever called proves which replica it is.

    Args:
        secret: the session's.
        greeted: told of the replica that is at the other end.
    """

    def __init__(self, secret: Secret, greeted: Callable[[int, DriverEnd], None]):
        super().__init__(secret)
        self._tell = greeted
        self._own = secrets.token_bytes(NONCE)
        self._limit: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Part of asyncio.Protocol; a stranger that says nothing is not waited for."""
        super().connection_made(transport)
        self._limit = asyncio.get_running_loop().call_later(GREETING_S, self.end, "no greeting")
        cast("asyncio.Transport", transport).write(self._own)

    def _greet(self) -> None:
        claim = self._cut(CLAIM)
        if claim is None:
            return
        replica, theirs = self._secret.claimed(claim, self._own)
        there, back = self._secret.keys(self._own, theirs)
        self._tell(replica, self)
        assert self._transport is not None, "no data before a connection"
        self._transport.write(self._secret.proof(self._own, theirs))
        self._greeted(there, back)
        self._rest()

    def _greeted(self, send: bytes, receive: bytes) -> None:
        super()._greeted(send, receive)
        if self._limit is not None:
            self._limit.cancel()

    def end(self, why: str) -> None:
        """Let go of it at once; the first cause stays."""
        if self._limit is not None:
            self._limit.cancel()
        super().end(why)

    def _sign(self) -> None:
        for waiting in self._signs:
            if not waiting.done():
                waiting.set_result(None)

    async def sign(self) -> None:
        """Return once the other end has answered.

        Raises:
            BrokenStreamError: it never will.
        """
        if self.broken is not None:
            raise BrokenStreamError(self.broken)
        waiting = asyncio.get_running_loop().create_future()
        self._signs.append(waiting)
        self.send(Kind.SIGN)
        try:
            await waiting
        finally:
            self._signs.remove(waiting)


class ReplicaEnd(Stream):
    """The replica's end: it calls, and the driver proves itself, too.

    Args:
        secret: the session's.
        number: which replica this is.
    """

    def __init__(self, secret: Secret, number: int):
        super().__init__(secret)
        self._number = number
        self._own = secrets.token_bytes(NONCE)
        self._drivers = b""
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def _greet(self) -> None:
        if not self._drivers:
            drivers = self._cut(NONCE)
            if drivers is None:
                return
            self._drivers = drivers
            assert self._transport is not None, "no data before a connection"
            self._transport.write(self._secret.claim(self._number, drivers, self._own))
        proof = self._cut(PROOF)
        if proof is None:
            return
        if not secrets.compare_digest(proof, self._secret.proof(self._drivers, self._own)):
            raise BrokenStreamError("who answered does not have the session's secret")
        there, back = self._secret.keys(self._drivers, self._own)
        self._greeted(back, there)
        if not self.greeted.done():
            self.greeted.set_result(None)
        self._rest()

    def end(self, why: str) -> None:
        """Let go of it at once; the first cause stays."""
        if not self.greeted.done():
            self.greeted.set_exception(BrokenStreamError(why))
        super().end(why)

    def _sign(self) -> None:
        self.send(Kind.SIGN)


async def call(host: str, port: int, secret: Secret, number: int) -> ReplicaEnd:
    """A replica's way to the driver, greeted.

    Raises:
        OSError: nobody answers there.
        TimeoutError: it takes too long.
        BrokenStreamError: who answers is not the driver, or does not know us.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(GREETING_S):
        _, end = await loop.create_connection(lambda: ReplicaEnd(secret, number), host, port)
        try:
            await end.greeted
        except asyncio.CancelledError:
            end.end("no greeting")
            raise
    return end
