"""Runs of an engine whose step time is known, for tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sut.config.names import Scenario
from sut.engines.ray.dispatch import Dispatch, Equal, LeastWork, Pull
from sut.simulate.fit import Recorded
from sut.simulate.run import AsRecorded, Trace, Workload, simulate
from sut.simulate.step import BatchLimits, StepModel

KNOWN = StepModel(base_s=0.012, decode_s=0.0004, prefill_s=0.00003, entry_s=0.002)
LIMITS = BatchLimits(sequences=16, tokens=256)


def arrivals(count: int, rate: float, seed: int = 1, *, longest: int = 40) -> Workload:
    """Poisson arrivals with prompts and answers of many lengths."""
    draw = np.random.default_rng(seed)
    issued = np.concatenate(([0.0], np.cumsum(draw.exponential(1 / rate, count - 1))))
    return Workload(
        issued,
        np.arange(count),
        draw.integers(5, 400, count),
        draw.integers(1, longest, count),
    )


def at_once(count: int, seed: int = 1) -> Workload:
    """As Offline issues them."""
    work = arrivals(count, 1.0, seed)
    return Workload(np.zeros(count), work.sample, work.tokens_in, work.tokens_out)


def policy(name: str, work: Workload, replicas: int) -> Dispatch:
    made: dict[str, Callable[[], Dispatch]] = {
        "equal": lambda: Equal(replicas),
        "least work": lambda: LeastWork(replicas, lambda index: int(work.tokens_in[index]) + 64),
        "pull": lambda: Pull(replicas, LIMITS.sequences),
    }
    return made[name]()


def answered(
    work: Workload,
    model: StepModel = KNOWN,
    limits: BatchLimits = LIMITS,
    *,
    replicas: int = 1,
    dispatch: str = "least work",
) -> Trace:
    return simulate(work, limits, model, policy(dispatch, work, replicas), replicas)


def recorded(
    work: Workload,
    model: StepModel = KNOWN,
    limits: BatchLimits = LIMITS,
    *,
    replicas: int = 1,
    scenario: Scenario = Scenario.SERVER,
) -> Recorded:
    """What the ledger of a run of a known engine would hold."""
    trace = answered(work, model, limits, replicas=replicas)
    server = scenario is not Scenario.OFFLINE
    return Recorded(
        work,
        trace.first_s if server else np.full(len(work), np.nan),
        trace.done_s,
        limits,
        replicas,
        lambda: AsRecorded(trace.replica.tolist(), replicas),
    )
