"""What a Server-like run is held to, and how many of its queries may be over each limit."""

from __future__ import annotations

from dataclasses import dataclass

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.rules.early_stopping import queries_needed

OWN_PERCENTILE = 99.0
"""The percentile of our own end-to-end limit, and of the latency that is shown without one."""


@dataclass(frozen=True)
class Limit:
    """One limit and its percentile.

    Attributes:
        kind: TTFT, TPOT or latency.
        percentile: in percent.
        limit_ms: what it may be.
        loadgens: whether LoadGen holds it, with its early stopping; else we do.
    """

    kind: str
    percentile: float
    limit_ms: float
    loadgens: bool

    @property
    def name(self) -> str:
        """As a reader knows it."""
        return f"{self.kind} P{self.percentile:g}"

    def allowed(self, queries: int) -> int:
        """The most queries of a run that may be over the limit; -1: even none is too many.

        LoadGen's limits: as many as early stopping passes (`sut.rules.early_stopping`). Ours: as
        many as leave the percentile, the value at index floor(n * p/100) of n sorted ones, within
        it (LoadGen results.cc, PerformanceSummary::ProcessLatencies).
        """
        if not self.loadgens:
            return queries - int(queries * (self.percentile / 100)) - 1
        if queries_needed(0, self.percentile) > queries:
            return -1
        low, high = 0, queries
        while high - low > 1:
            middle = (low + high) // 2
            if queries_needed(middle, self.percentile) <= queries:
                low = middle
            else:
                high = middle
        return low


def limits_of(config: RunConfig, scenario: Scenario) -> tuple[Limit, ...]:
    """Every limit in force."""
    rules = config.latency_rules(scenario)
    at = rules.latency_percentile
    found = [
        Limit("TTFT", at, rules.ttft_limit_ms, loadgens=True),
        Limit("TPOT", at, rules.tpot_limit_ms, loadgens=True),
    ]
    if rules.e2e_p99_limit_ms is not None:
        found.append(Limit("latency", OWN_PERCENTILE, rules.e2e_p99_limit_ms, loadgens=False))
    return tuple(found)
