"""How many queries LoadGen will issue and for how long, before anything runs.

The arithmetic is LoadGen's (GenerateQueries in loadgen/loadgen.cc): the arrival times of
Server come from the round's schedule seed, so their number is known beforehand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sut.config.names import Mode, Scenario
from sut.config.rounds import Round
from sut.config.schema import RunConfig
from sut.plan.audit_config import AuditSettings
from sut.plan.endless import refuse_endless
from sut.plan.settings import Effective, effective


@dataclass(frozen=True)
class Forecast:
    """One LoadGen run as it is expected to go.

    `queries_expected` counts samples in Offline, whose one query holds them all. The duration
    holds if the system is as fast as its target says. `queries_at_most` is what LoadGen
    prepares: a SingleStream system faster than half the hint runs out of them.
    """

    queries_expected: int
    queries_at_most: int
    duration_expected_s: float
    why: str


def forecast(
    config: RunConfig,
    scenario: Scenario,
    dataset_count: int,
    rules: Round,
    *,
    mode: Mode = Mode.PERFORMANCE,
    audit: AuditSettings | None = None,
) -> Forecast:
    """Foretell one LoadGen run of a configuration; `audit`: what its audit.config sets.

    Raises:
        ConfigError: the round lacks the scenario, or the run would be too large or too long.
    """
    will = effective(config, scenario, dataset_count, rules, mode=mode, audit=audit)
    return foretell(will, rules)


def foretell(
    will: Effective, rules: Round, origins: Mapping[str, str] = MappingProxyType({})
) -> Forecast:
    """Foretell the LoadGen run that has these settings; `origins`: of the configuration's keys.

    Raises:
        ConfigError: it would be too large or too long to be made.
    """
    refuse_endless(will, origins)
    if will.mode is Mode.ACCURACY:
        return _accuracy(will, rules)
    if will.scenario is Scenario.OFFLINE:
        count, why = _offline(will)
        return Forecast(count, count, count / will.target_qps, why)
    if will.scenario is Scenario.SINGLE_STREAM:
        return _single_stream(will)
    times_ns = arrivals_ns(will, rules)
    count = len(times_ns)
    why = (
        f"Poisson arrivals at {will.target_qps:g}/s until {will.min_duration_ms / 1000:g} s and "
        f"{will.requested_min_queries} queries are reached{_rounded(will)}"
    )
    return Forecast(count, count, float(times_ns[-1]) / 1e9, why)


def arrivals_ns(will: Effective, rules: Round) -> npt.NDArray[np.int64]:
    """The scheduled time of every Server query, ns from the start."""
    block = will.performance_count if will.equal_issue else 1
    duration_ns = will.min_duration_ms * 1_000_000
    ready = math.ceil(1.2 * will.target_qps * will.min_duration_ms / 1000) + block + 100
    while True:
        times = schedule_ns(rules, will.target_qps, ready + will.requested_min_queries)
        reached = int(np.searchsorted(times, duration_ns)) + 1
        count = _up_to_multiple(max(reached, will.requested_min_queries), block)
        if count <= len(times):
            return times[:count]
        ready *= 2


def schedule_ns(rules: Round, qps: float, count: int) -> npt.NDArray[np.int64]:
    """The first `count` arrival times, ns, as LoadGen draws them.

    std::mt19937 takes the low 32 bits of the seed; each exponential takes two of its words,
    the first as the low half (libstdc++'s generate_canonical).
    """
    words = np.random.RandomState(rules.seeds.schedule_rng_seed & 0xFFFFFFFF).randint(
        0, 2**32, size=2 * count, dtype=np.uint32
    )
    low, high = words[0::2].astype(np.float64), words[1::2].astype(np.float64)
    uniform = (low + high * 2.0**32) / 2.0**64
    gaps = (-np.log1p(-uniform) / qps * 1e9).astype(np.int64)
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(gaps)[:-1]))


def _offline(will: Effective) -> tuple[int, str]:
    count = will.samples_per_query
    if will.equal_issue:
        count = _up_to_multiple(count, will.performance_count)
    why = (
        f"one query with the larger of {will.requested_min_queries} samples and 1.1 x "
        f"{will.min_duration_ms / 1000:g} s x {will.target_qps:g}/s{_rounded(will)}"
    )
    return count, why


def _single_stream(will: Effective) -> Forecast:
    """One after the other until both the count and the duration are reached."""
    block = will.performance_count if will.equal_issue else 1
    period_ns = int(1e9 / will.target_qps)
    # As many as fill twice the duration, one period between any two.
    fill = -(-2 * will.min_duration_ms * 1_000_000 // period_ns) + 1
    generated = _up_to_multiple(max(will.min_queries, fill), block)
    count = max(will.min_queries, math.ceil(will.min_duration_ms / 1000 * will.target_qps))
    why = (
        f"one at a time at {1000 / will.target_qps:g} ms each: the larger of "
        f"{will.requested_min_queries} queries and twice those of "
        f"{will.min_duration_ms / 1000:g} s{_rounded(will)}"
    )
    return Forecast(count, generated, count / will.target_qps, why)


def _accuracy(will: Effective, rules: Round) -> Forecast:
    count = will.dataset_count
    duration_s = count / will.target_qps
    if will.scenario.loadgen_scenario == "Server":
        duration_s = float(schedule_ns(rules, will.target_qps, count)[-1]) / 1e9
    why = f"every sample once, at {will.target_qps:g}/s"
    return Forecast(count, count, duration_s, why)


def _up_to_multiple(count: int, block: int) -> int:
    return -(-count // block) * block


def _rounded(will: Effective) -> str:
    if not will.equal_issue:
        return ""
    return f", rounded up to whole multiples of {will.performance_count} samples"
