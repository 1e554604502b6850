"""The pool over actors that are none: calls that answer, hang or come too late."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sut.engines.base import EngineRequest, Event, Failed, Finished, FirstToken, RunSpec
from sut.engines.ray.frames import FrameBuilder, open_queries
from sut.engines.ray.members import Member
from sut.engines.ray.pool import RayEngine
from sut.errors import RunError
from tests.unit.config.support import loaded

WAIT_S = 10.0
HANG = object()
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
        self.hangs = {"events"}
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

    def tell(self, *events: Event, after_ns: int = 0) -> None:
        """Answer the open call for events, so long after the replica had the queries."""
        builder = FrameBuilder()
        for event in events:
            if isinstance(event, FirstToken):
                builder.first(event, after_ns)
            elif isinstance(event, Finished):
                builder.finished(event, after_ns)
            else:
                assert isinstance(event, Failed)
                builder.failed(event)
        outcome = self.open["events"].pop()
        if not outcome.cancelled():
            outcome.set_result(builder.take())

    @property
    def asked(self) -> list[int]:
        """Sample indices it was given, in order."""
        return [index for (data,) in self.said["submit"] for index in open_queries(data)[1]]


class Pool:
    """An engine over two such actors, and what it said."""

    def __init__(self, folder: Path, *flags: str):
        config = loaded("--engine", "null", "--replicas", "2", *flags).config
        self.engine = RayEngine(EngineRequest(config, folder, 100, folder / "log", "0" * 64))
        self.actors = [Actor(), Actor()]
        self.members = [Member(number, actor) for number, actor in enumerate(self.actors)]
        self.engine._members.everyone = self.members
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


def test_a_replica_that_hangs_holds_nobody_up_once_it_is_lost(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--on-replica-loss", "continue")
        pool.actors[1].hangs.add("load")
        loading = asyncio.ensure_future(pool.engine.load_samples({0: np.arange(3, dtype=np.int32)}))
        await settle()
        assert not loading.done()
        pool.engine._lose(pool.members[1], "it gave no sign for 10 s")
        await asyncio.wait_for(loading, WAIT_S)
        await pool.engine.health()

    asyncio.run(scenario())


def test_the_others_take_over_and_a_late_answer_counts_for_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--on-replica-loss", "continue")
        await pool.begin(SERVER, [7, 9])
        first, second = pool.actors
        assert (first.asked, second.asked) == ([7], [9])
        second.tell(FirstToken(0, 5))
        await settle()
        pool.engine._lose(pool.members[1], "it gave no sign for 10 s")
        second.tell(Finished(0, b"\5\0\0\0", "stop"))  # it wakes: nobody listens any more
        await settle()
        assert first.asked == [7, 9]
        first.tell(
            FirstToken(1, 5), Finished(1, b"\5\0\0\0", "stop"), Finished(0, b"\6\0\0\0", "stop")
        )
        assert await pool.engine.drain(WAIT_S) == 0
        ends = [event for event in pool.events if isinstance(event, Finished)]
        assert sorted((event.seq, event.replica) for event in ends) == [(0, 0), (1, 0)]
        firsts = [event.seq for event in pool.events if isinstance(event, FirstToken)]
        assert firsts == [1], "told once, by the replica that was lost since"
        assert pool.engine._open == 0
        assert pool.engine.report().incidents == ["replica 1 was lost: it gave no sign for 10 s"]

    asyncio.run(scenario())


def test_without_leave_to_go_on_a_loss_fails_what_the_replica_held(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.engine._lose(pool.members[1], "its process died")
        (failed,) = pool.events
        assert failed == Failed(1, "replica 1 was lost: its process died", 1)
        with pytest.raises(RunError, match="replica 1 was lost"):
            await pool.engine.health()

    asyncio.run(scenario())


def test_what_fails_with_its_engine_is_the_others_work(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--on-replica-loss", "continue")
        await pool.begin(SERVER, [7, 9])
        first, second = pool.actors
        second.answers["health"] = "vLLM's engine process died"
        second.tell(Failed(0, "EngineDeadError"))
        await settle()
        assert pool.events == []
        assert first.asked == [7, 9]
        assert pool.engine._members.answering() == pool.members, "its log can be had"
        assert pool.engine._members.alive() == pool.members[:1]

    asyncio.run(scenario())


def test_what_fails_with_its_engine_names_the_replica_and_its_cause(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].answers["health"] = "vLLM's engine process died"
        pool.actors[1].tell(Failed(0, "EngineDeadError"))
        await settle()
        assert pool.events == [Failed(1, "replica 1 was lost: vLLM's engine process died", 1)]
        with pytest.raises(RunError, match="replica 1 was lost: vLLM's engine process died"):
            await pool.engine.health()

    asyncio.run(scenario())


def test_a_query_that_fails_on_a_replica_in_health_has_its_own_cause(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].tell(Failed(0, "too long"))
        await settle()
        assert pool.events == [Failed(1, "too long", 1)]
        await pool.engine.health()

    asyncio.run(scenario())


def test_offline_goes_longest_first_inside_a_copy_of_the_data_set(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        lengths = {index: np.zeros(10 + index, np.int32) for index in range(4)}
        await pool.engine.load_samples(lengths)
        await pool.begin(OFFLINE, [1, 0, 3, 2, 2, 3, 0, 1])
        asked = [actor.asked for actor in pool.actors]
        assert sorted(asked[0] + asked[1]) == [0, 0, 1, 1, 2, 2, 3, 3]
        order = [query for queries in asked for query in queries]
        assert order[:4] == [3, 2, 1, 0], "the first copy goes before the second"

    asyncio.run(scenario())


def test_a_run_reports_times_at_the_replica_and_at_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        now_ns = 1_000_000_000
        monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        first, second = pool.actors
        now_ns += 5_000_000
        first.tell(FirstToken(0, 5), after_ns=3_000_000)
        second.tell(FirstToken(0, 5), after_ns=1_000_000)
        await settle()
        now_ns += 20_000_000
        first.tell(Finished(0, b"\5\0\0\0", "stop"), after_ns=22_000_000)
        second.tell(Finished(0, b"\5\0\0\0", "stop"), after_ns=20_000_000)
        await settle()
        figures = pool.engine.report().figures
        assert figures.pop("driver_cpu_per_query_us") > 0
        assert figures.pop("data_plane_first_token_mean_ms") == 3.0
        assert figures == {
            "replica_first_token_p50_ms": 3.0,
            "replica_first_token_p99_ms": 3.0,
            "replica_answer_p50_ms": 22.0,
            "replica_answer_p99_ms": 22.0,
            "driver_first_token_p50_ms": 5.0,
            "driver_first_token_p99_ms": 5.0,
            "driver_answer_p50_ms": 25.0,
            "driver_answer_p99_ms": 25.0,
            "data_plane_first_token_p50_ms": 4.0,
            "data_plane_first_token_p99_ms": 4.0,
        }
        pool.engine.begin_run(OFFLINE, pool.events.extend)
        assert pool.engine.report().figures == {}, "a new run has times of its own"

    asyncio.run(scenario())


def test_one_call_a_direction_is_under_way_and_the_next_carries_all_that_came(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--dispatch", "equal")
        for actor in pool.actors:
            actor.hangs.add("submit")
        await pool.begin(SERVER, [0, 1])
        for start in range(2, 10, 2):
            pool.engine.submit(start, [start, start + 1])
            await settle()
        for actor, ends in zip(pool.actors, ([0], [1]), strict=True):
            assert actor.asked == ends, "the rest waits for the first call's end"
            assert len(actor.open["events"]) == 1
        first, second = pool.actors
        first.open["submit"].pop().set_result(None)
        await settle()
        assert first.asked == [0, 2, 4, 6, 8]
        assert len(first.said["submit"]) == 2
        assert second.asked == [1]
        first.tell(FirstToken(0, 5))
        await settle()
        assert len(first.open["events"]) == 1

    asyncio.run(scenario())
