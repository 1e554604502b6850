"""One replica as the driver sees it: its actor for life and death, its stream for the work."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from typing import Any

from sut.engines.ray.dispatch import Query
from sut.engines.ray.faults import in_one_line
from sut.engines.ray.frames import pack_queries
from sut.engines.ray.load import Heard, Told
from sut.engines.ray.seal import BrokenStreamError, Kind
from sut.engines.ray.stream import DriverEnd


class Member:
    """One replica as the driver sees it."""

    def __init__(self, number: int, actor: Any):
        self.number = number
        self.actor = actor
        self.name = f"replica {number}"
        self.lost: str | None = None
        self.says_why = False
        """It told of its engine's fault itself: its process lives, and has the engine's log."""
        self.started = False
        self.stream: DriverEnd | None = None
        self.takes = False
        """It knows of the run, and queries may be sent."""
        self.seqs: list[int] = []
        self.heard = Heard()
        self._held: dict[int, Query] = {}
        self._under_way: set[asyncio.Future[Any]] = set()

    def begin(self) -> None:
        """A new run, of which it has yet to be told: its queries are counted from 0 again."""
        self.seqs, self._held, self.takes = [], {}, False
        self.heard = Heard()

    @property
    def has_room(self) -> bool:
        """Whether queries may be sent now."""
        return self.takes and self.stream is not None and self.stream.has_room

    def give(self, run: int, queries: Sequence[Query]) -> None:
        """Send it queries, in order."""
        assert self.stream is not None, "queries for a replica without a stream"
        for query in queries:
            self._held[len(self.seqs)] = query
            self.seqs.append(query[0])
        for frame in pack_queries(run, [index for _, index in queries]):
            self.stream.send(Kind.QUERIES, frame)

    def finish(self, local: int) -> Query | None:
        """A query ended; returns which, or None where it was not held."""
        return self._held.pop(local, None)

    def take_held(self) -> list[Query]:
        """All that it holds, which it holds no longer."""
        held, self._held = list(self._held.values()), {}
        return held

    async def wrong(self, limit_s: float) -> str | None:
        """None for a replica that says it is well and whose stream carries, else what is wrong.

        Ray is asked first: of a process that died it knows how. A stream that we broke ourselves is
        told of by our own cause, for the replica knows only that it ended.

        Args:
            limit_s: until it counts as silent.
        """
        asked = f"it gave no sign for {limit_s:g} s"
        try:
            async with asyncio.timeout(limit_s):
                said: str | None = await self.call("health")
                self.says_why = said is not None
                ours = self.stream is not None and self.stream.by_what_came
                if self.stream is not None and (ours or said is None):
                    asked = f"its stream carried no sign for {limit_s:g} s"
                    await self.stream.sign()
        except TimeoutError:
            return asked
        except BrokenStreamError as error:
            return f"its stream broke ({error})"
        except Exception as error:  # noqa: BLE001 - Ray's errors are many
            return in_one_line(error)
        return said

    async def hear_load(self, run: int) -> None:
        """Ask how busy its engine was in this run; one that cannot say is not lost by that."""
        heard = self.heard
        with contextlib.suppress(Exception):
            told: Told | None = await self.call("load_told", run, len(heard.samples))
            if told is not None:
                heard.take(told, self.number, time.monotonic_ns())

    def call(self, method: str, *arguments: object) -> asyncio.Future[Any]:
        """Begin a remote call."""
        reference = getattr(self.actor, method).remote(*arguments)
        under_way = asyncio.wrap_future(reference.future())
        self._under_way.add(under_way)
        under_way.add_done_callback(self._under_way.discard)
        return under_way

    def give_up(self) -> None:
        """Let go of it, and of whoever waits for it: a stopped process never ends a call."""
        if self.stream is not None:
            self.stream.close()
        for under_way in list(self._under_way):
            under_way.cancel()
