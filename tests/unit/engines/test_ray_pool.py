"""The pool over actors and streams that are none: its work, its losses, its figures."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sut.engines.base import Failed, Finished, FirstToken
from sut.errors import RunError
from tests.unit.engines.ray_pool import OFFLINE, SERVER, WAIT_S, Pool, settle


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
        first, second = pool.lines
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
        first, second = pool.lines
        pool.actors[1].answers["health"] = "vLLM's engine process died"
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
        pool.lines[1].tell(Failed(0, "EngineDeadError"))
        await settle()
        assert pool.events == [Failed(1, "replica 1 was lost: vLLM's engine process died", 1)]
        with pytest.raises(RunError, match="replica 1 was lost: vLLM's engine process died"):
            await pool.engine.health()

    asyncio.run(scenario())


def test_a_query_that_fails_on_a_replica_in_health_has_its_own_cause(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.lines[1].tell(Failed(0, "too long"))
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
        asked = [line.asked for line in pool.lines]
        assert sorted(asked[0] + asked[1]) == [0, 0, 1, 1, 2, 2, 3, 3]
        order = [query for queries in asked for query in queries]
        assert order[:4] == [3, 2, 1, 0], "the first copy goes before the second"

    asyncio.run(scenario())


@pytest.mark.parametrize("of_the_run", [True, False])
@pytest.mark.parametrize(("policy", "goes_to"), [("prefill-weighted", 0), ("tokens", 1)])
def test_a_policy_hears_of_first_tokens(
    tmp_path: Path, policy: str, goes_to: int, of_the_run: bool
) -> None:
    """A run may name another policy than the one that the replicas were started with."""

    async def scenario() -> None:
        pool = Pool(tmp_path, "--dispatch", "equal" if of_the_run else policy)
        spec = replace(SERVER, dispatch=policy if of_the_run else None)
        await pool.engine.load_samples({n: np.zeros(100 - n, np.int32) for n in range(3)})
        await pool.begin(spec, [0, 1])
        assert [line.asked for line in pool.lines] == [[0], [1]]
        pool.lines[0].tell(FirstToken(0, 5))
        pool.engine.submit(2, [2])
        await settle()
        assert pool.lines[goes_to].asked[1:] == [2]

    asyncio.run(scenario())


def test_a_run_reports_times_at_the_replica_and_at_the_driver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        now_ns = 1_000_000_000
        monkeypatch.setattr(time, "monotonic_ns", lambda: now_ns)
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        first, second = pool.lines
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
