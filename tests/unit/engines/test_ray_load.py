"""How busy each replica was: what the driver hears of it, and what is left of a lost one's word."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sut.engines.base import OfReplicas, RunReport
from sut.engines.ray.load import Heard, Told, told_of
from sut.record.engine_load import LoadSample
from tests.unit.engines.ray_pool import SERVER, WAIT_S, Pool, settle


def sample(at_ns: int, preemptions: int = 0, running: int = 1) -> LoadSample:
    return LoadSample(
        monotonic_ns=at_ns, running=running, waiting=0, kv_cache_used=0.5, preemptions=preemptions
    )


def figures(preemptions: float, running: float = 1.0) -> dict[str, float]:
    return {
        "sequences_running_mean": running, "sequences_running_most": running,
        "sequences_waiting_most": 0.0, "kv_cache_used_mean": 0.5, "kv_cache_used_most": 0.5,
        "preemptions": preemptions,
    }  # fmt: skip


def told(at_ns: int, first: int, *samples: LoadSample, preemptions: float = 0.0) -> Told:
    return Told(at_ns, first, samples, figures(preemptions))


def test_a_replica_tells_what_the_driver_does_not_have() -> None:
    report = RunReport(load=[sample(1), sample(2), sample(3)], figures=figures(7))
    assert told_of(report, 1, 9) == Told(9, 1, [sample(2), sample(3)], figures(7))
    assert told_of(RunReport(), 0, 9) == Told(9, 0, [], {})


def test_a_sample_is_as_old_by_the_drivers_clock_as_it_was_by_the_replicas() -> None:
    heard = Heard()
    heard.take(told(5_000, 0, sample(4_000), sample(4_900)), 3, 1_000_000)
    assert [each.monotonic_ns for each in heard.samples] == [999_000, 999_900]
    assert {each.replica for each in heard.samples} == {3}


def test_what_was_told_twice_is_kept_once() -> None:
    heard = Heard()
    heard.take(told(10, 0, sample(1), sample(2), preemptions=1), 0, 10)
    heard.take(told(10, 0, sample(1), sample(2), sample(3), preemptions=2), 0, 10)
    heard.take(told(10, 1, sample(2), preemptions=2), 0, 10)
    assert [each.monotonic_ns for each in heard.samples] == [1, 2, 3]
    assert heard.figures["preemptions"] == 2


def test_the_driver_hears_at_each_sign_of_life_and_at_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].answers["load_told"] = told(10, 0, sample(1), preemptions=3)
        watching = asyncio.ensure_future(pool.engine._watch(pool.members[1]))
        await settle()
        assert pool.actors[1].said["load_told"] == [(1, 0)], "of this run, from the first on"
        assert pool.engine.report().replicas == {1: figures(3)}
        assert isinstance(pool.engine, OfReplicas)
        assert pool.engine.preempted_on() == {1: 3}, "as the live view shows it"
        watching.cancel()
        pool.actors[0].answers["load_told"] = told(10, 0, sample(1), preemptions=1)
        pool.actors[1].answers["load_told"] = told(10, 1, sample(2), preemptions=4)
        await pool.engine.cancel()
        report = pool.engine.report()
        assert pool.actors[1].said["load_told"][-1] == (1, 1), "only what is new"
        assert {number: each["preemptions"] for number, each in report.replicas.items()} == {
            0: 1, 1: 4,
        }  # fmt: skip
        assert report.figures["preemptions"] == 5
        assert sorted((each.replica, each.preemptions) for each in report.load) == [
            (0, 0), (1, 0), (1, 0),
        ]  # fmt: skip
        at = [each.monotonic_ns for each in report.load]
        assert at == sorted(at)

    asyncio.run(scenario())


def test_a_new_run_begins_without_what_was_heard_of_the_last(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].answers["load_told"] = told(10, 0, sample(1), preemptions=3)
        await pool.engine.cancel()
        pool.actors[1].answers["load_told"] = None  # it is still in the last run
        await pool.begin(SERVER, [7, 9])
        await pool.engine.cancel()
        report = pool.engine.report()
        assert (report.load, report.replicas) == ([], {})
        assert "preemptions" not in report.figures, "not counted is not 0"

    asyncio.run(scenario())


def test_what_a_lost_replica_told_is_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--on-replica-loss", "continue")
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].answers["load_told"] = told(10, 0, sample(1), preemptions=3)
        await pool.engine._hear_load(pool.members[1])
        pool.actors[1].hangs.add("load_told")
        asking = asyncio.ensure_future(pool.engine._hear_load(pool.members[1]))
        await settle()
        pool.engine._lose(pool.members[1], "its process died")
        await asyncio.wait_for(asking, WAIT_S)
        await pool.engine.cancel()
        assert pool.engine.report().replicas == {1: figures(3)}
        assert len(pool.actors[1].said["load_told"]) == 2, "a dead process is not asked again"

    asyncio.run(scenario())


def test_one_whose_engine_died_is_asked_at_the_end_for_its_last_word(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--on-replica-loss", "continue")
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].answers["health"] = "vLLM's engine process died"
        await pool.engine._examine(pool.members[1])
        pool.actors[1].answers["load_told"] = told(10, 0, sample(1), preemptions=3)
        await pool.engine.cancel()
        assert pool.engine.report().replicas == {1: figures(3)}

    asyncio.run(scenario())


def test_one_that_never_tells_of_its_load_does_not_hide_its_silence(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path, "--on-replica-loss", "continue")
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].hangs.add("load_told")
        pool.actors[1].answers["health"] = "vLLM's engine process died"
        await asyncio.wait_for(pool.engine._watch(pool.members[1]), WAIT_S)
        assert pool.members[1].lost is not None

    asyncio.run(scenario())


def test_one_that_cannot_tell_is_not_lost_by_that(tmp_path: Path) -> None:
    async def scenario() -> None:
        pool = Pool(tmp_path)
        await pool.begin(SERVER, [7, 9])
        pool.actors[1].answers["load_told"] = "no word of load"
        await pool.engine._hear_load(pool.members[1])
        assert pool.members[1].lost is None
        assert pool.engine.report().replicas == {}

    asyncio.run(scenario())
