"""Figures of a run, simulated or measured, by the same formulas: those of `sut.metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from sut import metrics
from sut.advice.load import load_of
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.peak.limits import limits_of
from sut.peak.trial import took_ms
from sut.simulate.run import Trace, Workload

NS_PER_S, NS_PER_MS = 1e9, 1e6
_TIMES = (
    ("TTFT", metrics.ttft_ns, (50.0, 99.0)),
    ("TPOT", metrics.tpot_ns, (50.0, 99.0)),
    ("latency", metrics.latency_ns, (50.0, 99.0)),
)


def ledger_of(work: Workload, trace: Trace) -> Any:
    """A simulated run as a table with the columns of a ledger, times in whole nanoseconds."""
    import pyarrow as pa

    def stamps(seconds: Any) -> Any:
        return pa.array(np.round(seconds * NS_PER_S).astype(np.int64))

    return pa.table({
        "seq": pa.array(np.arange(len(work))),
        "issued_ns": stamps(work.issued_s),
        "first_token_ns": stamps(trace.first_s),
        "done_ns": stamps(trace.done_s),
        "tokens_in": pa.array(work.tokens_in),
        "tokens_out": pa.array(work.tokens_out),
        "state": pa.array(["succeeded"] * len(work)),
    })  # fmt: skip


def figures_of(ledger: Any, scenario: Scenario) -> dict[str, float | None]:
    """The figures of a ledger by their names; times in ms, None where there is none.

    A rate is over the time from the first issue to the last answer. Offline has no first tokens,
    and its latencies say what its rate says.
    """
    found: dict[str, float | None] = {}
    for name, times_of, percentiles in _TIMES if scenario is not Scenario.OFFLINE else ():
        times = np.sort(times_of(ledger))
        for each in percentiles:
            value = metrics.percentile_ns(times, each) / NS_PER_MS if len(times) else None
            found[f"{name} P{each:g}, ms"] = value
    rates = metrics.ledger_rates(ledger)
    return {
        **found,
        "samples/s": rates.samples.per_second,
        "tokens/s": rates.tokens.per_second,
    }


@dataclass(frozen=True)
class Against:
    """One figure foretold and measured.

    Attributes:
        error: the first over the second, less 1; None where one is missing.
    """

    name: str
    predicted: float | None
    measured: float | None

    @property
    def error(self) -> float | None:
        """As a share of what was measured."""
        if self.predicted is None or not self.measured:
            return None
        return self.predicted / self.measured - 1


def against(
    predicted: Mapping[str, float | None], measured: Mapping[str, float | None]
) -> list[Against]:
    """Figures of the same names side by side."""
    return [Against(name, value, measured.get(name)) for name, value in predicted.items()]


@dataclass(frozen=True)
class Held:
    """One limit, and how a simulated run stands to it.

    Attributes:
        name: kind and percentile.
        limit_ms, percentile_ms: what may be, and what would be.
        over: queries beyond the limit.
        allowed: as many may be; -1: even none is too many, there are too few queries.
    """

    name: str
    limit_ms: float
    percentile_ms: float
    over: int
    allowed: int

    @property
    def holds(self) -> bool:
        """Whether the limit, with early stopping where it is LoadGen's, is kept."""
        return self.over <= self.allowed


def limits_held(ledger: Any, config: RunConfig, scenario: Scenario) -> Iterator[Held]:
    """Each latency limit in force; Offline has none."""
    for limit in limits_of(config, scenario) if scenario is not Scenario.OFFLINE else ():
        took = np.sort(took_ms(ledger, limit.kind))
        at = int(len(took) * limit.percentile / 100)
        yield Held(
            limit.name,
            limit.limit_ms,
            float(took[at]),
            int((took > limit.limit_ms).sum()),
            limit.allowed(len(took)),
        )


def falls_behind(ledger: Any, scenario: Scenario) -> bool:
    """Whether the queue would grow without end; Offline has no arrivals to keep up with."""
    load = load_of(ledger) if scenario is not Scenario.OFFLINE else None
    return load is not None and load.overloaded
