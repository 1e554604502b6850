"""How busy vLLM's core is: running and waiting queries, KV cache in use, pre-emptions.

Read in the core itself, between two steps, by the call that asks for its pulse anyway; so it costs
nothing that was not spent before. vLLM's own statistics would cost work in our process for each
token (`disable_log_stats`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sut.record.engine_load import PREEMPTIONS, LoadSample

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

    A report may be asked for again and again while the run goes on, so nothing of it is counted
    anew each time.

    Args:
        clock_ns: the ledger's.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._clock_ns = clock_ns
        self._samples: list[LoadSample] = []
        self._before = 0
        self._sums = _Sums()

    def begin_run(self) -> None:
        """Forget what was said before; the count of pre-emptions goes on from there."""
        self._before = self._samples[-1].preemptions if self._samples else self._before
        self._samples, self._sums = [], _Sums()

    def add(self, answer: object) -> None:
        """One answer of `load_of_core`; any other is left out."""
        if isinstance(answer, Sequence) and len(answer) == 4:
            running, waiting, usage, preempted = answer
            sample = LoadSample(
                monotonic_ns=self._clock_ns(), running=int(running), waiting=int(waiting),
                kv_cache_used=float(usage), preemptions=int(preempted),
            )  # fmt: skip
            self._samples.append(sample)
            self._sums.add(sample)

    def counters(self) -> dict[str, float]:
        """Pre-emptions since the start; nothing where the core was never heard."""
        counted = self._samples[-1].preemptions if self._samples else self._before
        return {PREEMPTIONS: float(counted)} if self._samples or counted else {}

    def samples(self) -> list[LoadSample]:
        """Each answer, with the moment at which it came."""
        return list(self._samples)

    def figures(self) -> dict[str, float]:
        """Means and extremes over the run; nothing where the core was never heard."""
        if not self._samples:
            return {}
        count, sums = len(self._samples), self._sums
        return {
            "sequences_running_mean": sums.running / count,
            "sequences_running_most": float(sums.running_most),
            "sequences_waiting_most": float(sums.waiting_most),
            "kv_cache_used_mean": sums.usage / count,
            "kv_cache_used_most": sums.usage_most,
            PREEMPTIONS: float(self._samples[-1].preemptions - self._before),
        }


@dataclass
class _Sums:
    """Over the samples of a run so far."""

    running: int = 0
    running_most: int = 0
    waiting_most: int = 0
    usage: float = 0.0
    usage_most: float = 0.0

    def add(self, sample: LoadSample) -> None:
        self.running += sample.running
        self.running_most = max(self.running_most, sample.running)
        self.waiting_most = max(self.waiting_most, sample.waiting)
        self.usage += sample.kv_cache_used
        self.usage_most = max(self.usage_most, sample.kv_cache_used)
