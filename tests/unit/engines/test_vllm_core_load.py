"""How busy the core is, read within it; with a scheduler that only counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sut.engines.vllm.core_load import CoreLoad, load_of_core
from sut.record.engine_load import LoadSample


class Scheduler:
    def __init__(self) -> None:
        self.running, self.waiting, self.usage = 0, 0, 0.0
        self.preempted: list[str] = []

    def get_request_counts(self) -> tuple[int, int]:
        return self.running, self.waiting

    def get_kv_cache_usage(self) -> float:
        return self.usage

    def _preempt_request(self, request: str, timestamp: float, **_: Any) -> str:
        self.preempted.append(request)
        return f"{request} at {timestamp}"


def test_the_core_tells_its_load_and_counts_what_it_preempts() -> None:
    scheduler = Scheduler()
    core = SimpleNamespace(scheduler=scheduler)
    assert load_of_core(core) == [0, 0, 0.0, 0]
    assert scheduler._preempt_request("a", 1.0, drop_stale_output=True) == "a at 1.0"
    scheduler._preempt_request("b", 2.0)
    scheduler.running, scheduler.waiting, scheduler.usage = 3, 4, 0.5
    assert load_of_core(core) == [3, 4, 0.5, 2]
    assert scheduler.preempted == ["a", "b"]


def test_a_run_has_its_own_means_extremes_and_preemptions() -> None:
    load = CoreLoad()
    assert load.figures() == {}
    load.add([1, 0, 0.1, 5])
    load.begin_run()
    assert load.figures() == {}
    load.add([2, 7, 0.2, 6])
    load.add([4, 1, 0.6, 8])
    load.add(None)
    assert load.figures() == {
        "sequences_running_mean": 3,
        "sequences_running_most": 4,
        "sequences_waiting_most": 7,
        "kv_cache_used_mean": 0.4,
        "kv_cache_used_most": 0.6,
        "preemptions": 3,
    }


def test_a_counter_goes_on_from_run_to_run() -> None:
    load = CoreLoad()
    assert load.counters() == {}
    load.add([1, 0, 0.1, 5])
    load.begin_run()
    assert load.counters() == {"preemptions": 5}, "the core says nothing at once"
    load.add([2, 7, 0.2, 6])
    assert load.counters() == {"preemptions": 6}


def test_each_answer_of_a_run_has_its_moment() -> None:
    clock = iter(range(10, 100, 10))
    load = CoreLoad(clock_ns=lambda: next(clock))
    load.add([1, 0, 0.1, 5])
    load.begin_run()
    load.add([2, 7, 0.2, 6])
    load.add(None)
    load.add([4, 1, 0.6, 8])
    assert load.samples() == [
        LoadSample(monotonic_ns=20, running=2, waiting=7, kv_cache_used=0.2, preemptions=6),
        LoadSample(monotonic_ns=30, running=4, waiting=1, kv_cache_used=0.6, preemptions=8),
    ]
