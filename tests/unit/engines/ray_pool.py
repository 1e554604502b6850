"""A pool over actors and streams that are none: they answer, hang, break or come too late."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

from sut.engines.base import EngineRequest, Event, Failed, Finished, FirstToken, RunSpec
from sut.engines.ray.frames import FrameBuilder, open_queries
from sut.engines.ray.member import Member
from sut.engines.ray.pool import RayEngine
from sut.engines.ray.seal import BrokenStreamError, Kind
from sut.engines.ray.stream import DriverEnd
from tests.unit.config.support import loaded

WAIT_S = 10.0
OFFLINE = RunSpec(1, 8, 1, reports_first_token=False, throughput_first=True, block=4)
SERVER = RunSpec(1, 8, 1, reports_first_token=True, throughput_first=False)


class Call:
    """What Ray's `.remote()` gives."""

    def __init__(self, outcome: Future[Any]):
        self._outcome = outcome

    def future(self) -> Future[Any]:
        return self._outcome


class Actor:
    """Answers each method at once, with None if not told otherwise; or hangs."""

    def __init__(self) -> None:
        self.hangs: set[str] = set()
        self.answers: dict[str, Any] = {}
        self.open: dict[str, list[Future[Any]]] = defaultdict(list)
        self.said: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def __getattr__(self, name: str) -> Any:
        actor = self

        class Method:
            @staticmethod
            def remote(*arguments: Any) -> Call:
                actor.said[name].append(arguments)
                outcome: Future[Any] = Future()
                if name in actor.hangs:
                    actor.open[name].append(outcome)
                else:
                    outcome.set_result(actor.answers.get(name))
                return Call(outcome)

        return Method


class Line:
    """A stream that keeps what is sent, and says what it is told to say."""

    def __init__(self) -> None:
        self.has_room = True
        self.broken: str | None = None
        self.by_what_came = False
        self.silent = False
        self.sent: list[tuple[int, list[int]]] = []

    def attach(
        self,
        heard: Callable[[Kind, bytes], None],
        ended: Callable[[], None],
        roomy: Callable[[], None],
    ) -> None:
        self.heard, self.ended, self.roomy = heard, ended, roomy

    def send(self, kind: Kind, payload: bytes) -> None:
        assert kind is Kind.QUERIES
        self.sent.append(open_queries(payload))

    async def sign(self) -> None:
        if self.silent:
            await asyncio.Event().wait()
        if self.broken is not None:
            raise BrokenStreamError(self.broken)

    def close(self) -> None:
        self.broken = "it was closed here"

    def breaks(self, why: str, *, by_what_came: bool = False) -> None:
        self.broken, self.by_what_came = why, by_what_came
        self.ended()

    def tell(self, *events: Event, after_ns: int = 0, run: int = 1) -> None:
        """Send events, so long after the replica had the queries."""
        builder = FrameBuilder(run)
        for event in events:
            if isinstance(event, FirstToken):
                builder.first(event, after_ns)
            elif isinstance(event, Finished):
                builder.finished(event, after_ns)
            else:
                assert isinstance(event, Failed)
                builder.failed(event)
        for frame in builder.take():
            self.heard(Kind.EVENTS, frame)

    @property
    def asked(self) -> list[int]:
        """Sample indices that went over it, in order."""
        return [index for _, part in self.sent for index in part]


class Pool:
    """An engine over two such actors, and what it said."""

    def __init__(self, folder: Path, *flags: str):
        config = loaded("--engine", "null", "--replicas", "2", *flags).config
        self.engine = RayEngine(EngineRequest(config, folder, 100, folder / "log", "0" * 64))
        self.actors = [Actor(), Actor()]
        self.members = [Member(number, actor) for number, actor in enumerate(self.actors)]
        self.lines = [Line(), Line()]
        self.engine._members.everyone = self.members
        for member, line in zip(self.members, self.lines, strict=True):
            member.stream = cast("DriverEnd", line)
            self.engine._listen(member)
        self.events: list[Event] = []

    async def begin(self, spec: RunSpec, indices: Sequence[int]) -> None:
        self.engine.begin_run(spec, self.events.extend)
        await settle()
        self.engine.submit(0, indices)
        await settle()


async def settle() -> None:
    """Let every task go as far as it can; calls here end within a few turns of the loop."""
    for _ in range(50):
        await asyncio.sleep(0)
