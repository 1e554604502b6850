"""The pool and its streams: what goes, what waits, and what a broken one costs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sut.engines.base import Failed, FirstToken
from sut.engines.ray.seal import BrokenStreamError, Kind
from sut.errors import RunError
from tests.unit.engines.ray_pool import SERVER, Pool, settle


def test_queries_wait_while_the_stream_has_no_room_and_then_go_together(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--dispatch", "equal")
        await pool.begin(SERVER, [0, 1])
        first, second = pool.lines
        first.has_room = False
        for start in range(2, 10, 2):
            pool.engine.submit(start, [start, start + 1])
        assert (first.asked, second.asked) == ([0], [1, 3, 5, 7, 9])
        first.has_room = True
        first.roomy()
        assert first.sent == [(1, [0]), (1, [2, 4, 6, 8])]

    asyncio.run(scenario())


def test_no_query_goes_before_its_replica_knows_of_the_run(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--dispatch", "equal")
        pool.actors[0].hangs.add("begin_run")
        await pool.begin(SERVER, [0, 1])
        first, second = pool.lines
        assert (first.asked, second.asked) == ([], [1])
        pool.actors[0].open["begin_run"].pop().set_result(None)
        await settle()
        assert first.asked == [0]

    asyncio.run(scenario())


def test_what_comes_of_an_earlier_run_is_nobodys(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.lines[0].tell(FirstToken(5, 5), run=0)
        await pool.engine.cancel()
        pool.lines[0].tell(FirstToken(0, 5))
        assert pool.events == []
        assert pool.engine._open == 0
        await pool.engine.health()

    asyncio.run(scenario())


def test_of_a_run_that_was_given_up_nothing_more_is_sent(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--dispatch", "equal")
        pool.lines[0].has_room = False
        await pool.begin(SERVER, [7, 9])
        await pool.engine.cancel()
        pool.lines[0].has_room = True
        pool.lines[0].roomy()
        assert pool.lines[0].asked == []

    asyncio.run(scenario())


def test_a_stream_that_breaks_is_the_replicas_loss(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.lines[1].breaks("the other end closed it")
        await settle()
        lost = "replica 1 was lost: its stream broke (the other end closed it)"
        assert pool.events == [Failed(1, lost, 1)]
        with pytest.raises(RunError, match="its stream broke"):
            await pool.engine.health()

    asyncio.run(scenario())


@pytest.mark.parametrize("ours", [True, False])
def test_who_broke_a_stream_says_why(tmp_path: Path, ours: bool) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].answers["health"] = "its stream broke (the replica's cause)"
        pool.lines[1].breaks("the driver's cause", by_what_came=ours)
        await settle()
        who = "driver" if ours else "replica"
        lost = f"replica 1 was lost: its stream broke (the {who}'s cause)"
        assert pool.events == [Failed(1, lost, 1)]

    asyncio.run(scenario())


def test_of_a_process_that_died_with_its_stream_ray_says_how(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].hangs.add("health")
        pool.lines[1].breaks("the other end closed it")
        await settle()
        assert pool.events == [], "Ray's word is waited for"
        pool.actors[1].open["health"].pop().set_exception(ConnectionError("killed by signal 9"))
        await settle()
        assert pool.events == [Failed(1, "replica 1 was lost: killed by signal 9", 1)]

    asyncio.run(scenario())


def test_a_stream_that_carries_nothing_is_the_replicas_loss(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--set", "engine.ray.heartbeat_timeout_s=0.01")
        await pool.begin(SERVER, [7, 9])
        pool.lines[1].silent = True
        await pool.engine._examine(pool.members[1])
        lost = "replica 1 was lost: its stream carried no sign for 0.01 s"
        assert pool.events == [Failed(1, lost, 1)]

    asyncio.run(scenario())


def test_the_work_behind_a_stream_that_broke_is_the_others(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--on-replica-loss", "continue")
        await pool.begin(SERVER, [7, 9])
        pool.lines[1].breaks("the other end closed it")
        await settle()
        assert pool.events == []
        assert pool.lines[0].asked == [7, 9]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (Kind.QUERIES, b""),
        (Kind.EVENTS, b"garbage"),
        (Kind.EVENTS, b""),
    ],
)
def test_what_a_replica_may_not_send_breaks_its_stream(
    tmp_path: Path, kind: Kind, payload: bytes
) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        with pytest.raises(BrokenStreamError, match="it carried"):
            pool.lines[1].heard(kind, payload)
        with pytest.raises(BrokenStreamError, match="never sent"):
            pool.lines[1].tell(FirstToken(1, 5))  # it was given one query

    asyncio.run(scenario())
