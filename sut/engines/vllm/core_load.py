"""How busy vLLM's core is: running and waiting queries, KV cache in use, pre-emptions.

Read in the core itself, between two steps, by the call that asks for its pulse anyway; so it costs
nothing that was not spent before. vLLM's own statistics would cost work in our process for each
token (`disable_log_stats`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from sut.record.engine_load import LoadSample

LOAD_METHOD = "load_to_harness"
_COUNT = "preemptions_for_harness"


def load_of_core(core: Any) -> list[float]:
    """Running, waiting, share of the KV cache in use, pre-emptions since the first call.

    vLLM counts pre-emptions only within statistics, so its scheduler's one function for them is
    wrapped on the first call. It is called for each of them and else never.
    """
    scheduler = core.scheduler
    if not hasattr(scheduler, _COUNT):
        _count(scheduler)
    running, waiting = scheduler.get_request_counts()
    return [running, waiting, scheduler.get_kv_cache_usage(), getattr(scheduler, _COUNT)]


def _count(scheduler: Any) -> None:
    preempt = scheduler._preempt_request
    setattr(scheduler, _COUNT, 0)

    def counted(*arguments: Any, **named: Any) -> Any:
        setattr(scheduler, _COUNT, getattr(scheduler, _COUNT) + 1)
        return preempt(*arguments, **named)

    scheduler._preempt_request = counted


class CoreLoad:
    """What the core said over one run.

    Args:
        clock_ns: the ledger's.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._said: list[tuple[float, ...]] = []
        self._at_ns: list[int] = []
        self._before = 0.0

    def begin_run(self) -> None:
        """Forget what was said before; the count of pre-emptions goes on from there."""
        self._before = self._said[-1][3] if self._said else self._before
        self._said, self._at_ns = [], []

    def add(self, answer: object) -> None:
        """One answer of `load_of_core`; any other is left out."""
        if isinstance(answer, Sequence) and len(answer) == 4:
            self._said.append(tuple(float(each) for each in answer))
            self._at_ns.append(self._clock_ns())

    def counters(self) -> dict[str, float]:
        """Pre-emptions since the start; nothing where the core was never heard."""
        counted = self._said[-1][3] if self._said else self._before
        return {"preemptions": counted} if self._said or counted else {}

    def samples(self) -> list[LoadSample]:
        """Each answer, with the moment at which it came."""
        return [
            LoadSample(
                monotonic_ns=at_ns, running=int(running), waiting=int(waiting),
                kv_cache_used=usage, preemptions=int(preempted),
            )
            for at_ns, (running, waiting, usage, preempted) in zip(
                self._at_ns, self._said, strict=True
            )
        ]  # fmt: skip

    def figures(self) -> dict[str, float]:
        """Means and extremes over the run; nothing where the core was never heard."""
        if not self._said:
            return {}
        running, waiting, usage, preempted = zip(*self._said, strict=True)
        return {
            "sequences_running_mean": fmean(running),
            "sequences_running_most": max(running),
            "sequences_waiting_most": max(waiting),
            "kv_cache_used_mean": fmean(usage),
            "kv_cache_used_most": max(usage),
            "preemptions": preempted[-1] - self._before,
        }
