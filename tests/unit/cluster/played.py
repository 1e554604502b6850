"""A node of a coordinated run that is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from sut.cluster.node_run import Ended, Message, Sign


def done(value: Any = None) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def failed(error: Exception) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


class PlayedNode:
    """Says its lines in order; with none left it works until it is stopped."""

    def __init__(self, name: str, *lines: Message, events: list[tuple[str, str]] | None = None):
        self.name, self.place = name, f"host of {name}"
        self.lines = list(lines)
        self.events = events if events is not None else []
        self.open: Future[Message] | None = None
        self.signs: Callable[[], Future[Sign]] = lambda: done(Sign(time.monotonic_ns(), 0.0))
        self.stops: Callable[[], Future[Any]] = done
        self.archive: bytes | None = b"session"
        self.document: str | None = None

    def start(self, document: str, patience_s: float) -> Future[Any]:
        self.document = document
        return done(1)

    def next_message(self) -> Future[Message]:
        if self.lines:
            return done(self.lines.pop(0))
        self.open = Future()
        return self.open

    def go(self) -> Future[Any]:
        self.events.append((self.name, "go"))
        return done()

    def sign(self) -> Future[Sign]:
        return self.signs()

    def stop(self, grace_s: float) -> Future[Any]:
        self.events.append((self.name, "stop"))
        if self.open is not None and not self.open.done():
            self.open.set_result(Ended(130, None))
        return self.stops()

    def session(self) -> Future[bytes | None]:
        return done(self.archive)

    def forget(self) -> Future[Any]:
        self.events.append((self.name, "forget"))
        return done()

    def why(self, error: BaseException) -> str:
        return str(error).splitlines()[0]
