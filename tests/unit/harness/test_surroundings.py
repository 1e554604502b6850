"""What a run's surroundings are, from readings that a test gives, and from a loop that is held."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from sut.harness.host import EngineHost
from sut.harness.surroundings import Reading, Surroundings
from sut.machine.cpu_time import CoreTimes
from sut.machine.devices import usable_cores

ME, LOADGEN, ENGINE = os.getpid(), -1, -2
THREADS = len(usable_cores())


def reading(second: float, busy: float, ours: dict[int, float], steal: float = 0.0) -> Reading:
    """Counts in seconds; all of them begin at 100."""
    times = CoreTimes(100 + busy, 1000.0, 100 + steal)
    return Reading(second, times, ours, None)


@pytest.fixture
def host() -> Iterator[EngineHost]:
    with EngineHost() as host:
        yield host


def watched(host: EngineHost, readings: list[Reading], **more: bool) -> Surroundings:
    """All readings but the first are taken by a look each, the last one at the exit."""
    around = Surroundings(
        host.loop, apart=more.get("apart", True), read=partial(next, iter(readings))
    )
    with around:
        for _ in readings[1:-1]:
            around.look()
    return around


def test_each_is_told_apart_from_the_others(host: EngineHost) -> None:
    readings = [
        reading(0.0, 0.0, {ME: 50.0}),
        reading(5.0, 3.0, {ME: 50.5, LOADGEN: 0.25, ENGINE: 1.0}),
        reading(10.0, 8.0, {ME: 51.0, LOADGEN: 0.5, ENGINE: 4.0}, steal=0.5),
    ]
    facts = watched(host, readings).facts(LOADGEN)
    room = 10.0 * THREADS
    assert facts.harness_share == pytest.approx(1.0 / room)
    assert facts.loadgen_share == pytest.approx(0.5 / room)
    assert facts.engine_share == pytest.approx(4.0 / room)
    assert facts.others_share == pytest.approx((8.0 - 5.5) / room)
    assert facts.steal_share == pytest.approx(0.5 / room)
    assert facts.seconds == 10.0


def test_the_worst_second_of_the_others_is_kept(host: EngineHost) -> None:
    readings = [
        reading(0.0, 0.0, {ME: 0.0}),
        reading(1.0, 0.5, {ME: 0.5}),
        reading(1.5, 1.0, {ME: 0.5}),  # less than a second later: goes with the next
        reading(2.0, 1.5, {ME: 0.5}),
        reading(3.0, 2.0, {ME: 1.0}),
    ]
    facts = watched(host, readings).facts(LOADGEN)
    assert facts.others_share_most == pytest.approx(1.0 / THREADS)
    assert facts.others_share == pytest.approx(1.0 / (3 * THREADS), abs=1e-4)


def test_a_process_that_has_ended_keeps_what_it_used(host: EngineHost) -> None:
    readings = [
        reading(0.0, 0.0, {ME: 0.0}),
        reading(5.0, 4.0, {ME: 0.0, LOADGEN: 4.0}),
        reading(10.0, 4.0, {ME: 0.0}),
    ]
    facts = watched(host, readings).facts(LOADGEN)
    assert facts.loadgen_share == pytest.approx(0.4 / THREADS)
    assert facts.others_share == 0.0


def test_where_replicas_run_beside_us_nobody_can_tell_others_from_them(host: EngineHost) -> None:
    readings = [reading(0.0, 0.0, {ME: 0.0}), reading(9.0, 5.0, {ME: 1.0})]
    facts = watched(host, readings, apart=False).facts(LOADGEN)
    assert (facts.others_share, facts.others_share_most, facts.engine_share) == (None, None, None)
    assert facts.harness_share is not None


def test_what_the_kernel_does_not_tell_is_not_known(host: EngineHost) -> None:
    bare = [Reading(0.0, None, {ME: 0.0}, None), Reading(2.0, None, {ME: 1.0}, None)]
    facts = watched(host, bare).facts(LOADGEN)
    assert (facts.others_share, facts.steal_share, facts.throttled_s) == (None, None, None)
    limited = [Reading(0.0, None, {}, 1.0), Reading(2.0, None, {}, 1.25)]
    assert watched(host, limited).facts(LOADGEN).throttled_s == 0.25


def test_a_loop_that_is_held_up_comes_late(host: EngineHost) -> None:
    ticked = threading.Event()
    around = Surroundings(host.loop, apart=True)
    with around:
        host.run(lambda: time.sleep(0.06))  # what holds the loop: the thing measured
        host.loop.call_soon_threadsafe(lambda: host.loop.call_later(0.03, ticked.set))
        assert ticked.wait(20)
    assert (around.facts(LOADGEN).loop_late_ms_most or 0.0) > 30.0


def test_collections_are_counted_while_it_watches_and_not_after(host: EngineHost) -> None:
    before = list(gc.callbacks)
    around = Surroundings(host.loop, apart=True)
    with around:
        gc.collect()
    seen = around.facts(LOADGEN)
    assert seen.collections >= 1
    assert seen.collection_ms_most > 0
    assert gc.callbacks == before


def test_nothing_counts_before_the_first_query(host: EngineHost) -> None:
    asked: list[int] = []
    around = Surroundings(host.loop, apart=True, begun=lambda: bool(asked))
    with around:
        gc.collect()
        assert around.facts(LOADGEN).collections == 0
        asked.append(1)
        gc.collect()
    assert around.facts(LOADGEN).collections >= 1
