"""Where the replicas reach the driver: one port, which their streams share."""

from __future__ import annotations

import asyncio
import secrets
from weakref import WeakSet

from sut.engines.ray.seal import BrokenStreamError, Secret
from sut.engines.ray.stream import DriverEnd
from sut.errors import EngineStartError

SECRET_BYTES = 32
BACKLOG = 1024


class Listener:
    """Takes the calls of replicas, each of which proves which one it is.

    Attributes:
        secret: of this session, for Ray to hand over.
        streams: by the number of their replica, once greeted.
    """

    def __init__(self) -> None:
        self.secret = Secret(secrets.token_bytes(SECRET_BYTES))
        self.streams: dict[int, DriverEnd] = {}
        self._server: asyncio.Server | None = None
        self._called_by: WeakSet[DriverEnd] = WeakSet()  # strangers, too

    async def open(self, host: str, port: int) -> int:
        """Listen at one address of this machine; returns the port.

        Args:
            host: the address, of either family.
            port: 0: whichever the system gives.

        Raises:
            EngineStartError: it cannot be had.
        """
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._called, host, port, backlog=BACKLOG)
        except OSError as error:
            raise EngineStartError(
                f"the driver cannot listen for its replicas at {host}, port {port}: "
                f"{error.strerror or error}.",
                remedy="Leave engine.ray.port out, or give one that is free.",
            ) from error
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    def _called(self) -> DriverEnd:
        end = DriverEnd(self.secret, self._greeted)
        self._called_by.add(end)
        return end

    def _greeted(self, replica: int, stream: DriverEnd) -> None:
        if replica in self.streams:
            raise BrokenStreamError("that replica has a stream already")
        self.streams[replica] = stream

    def close(self) -> None:
        """Take no more calls, and end the streams."""
        if self._server is not None:
            self._server.close()
        for stream in list(self._called_by):
            stream.close()
