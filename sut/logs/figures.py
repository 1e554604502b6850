"""The figures that LoadGen prints twice, in its detail log and in its summary, with one type.

Every figure is None where a log does not hold it. Times are whole nanoseconds, rates are per
second.
"""

from __future__ import annotations

from dataclasses import dataclass

PERCENTILES = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
"""The percentiles LoadGen prints, as it spells them (results.cc, LogDetail and LogSummary)."""

MOST_NUMBER = 1e30
"""LoadGen's numbers have 64 bits. A larger one is nobody's figure, and its square may be none."""


def a_figure(value: float) -> bool:
    """Whether LoadGen can have printed it."""
    return -MOST_NUMBER < value < MOST_NUMBER  # no comparison holds for nan


@dataclass(frozen=True)
class Quantiles:
    """LoadGen's description of one kind of time."""

    min_ns: int | None = None
    max_ns: int | None = None
    mean_ns: int | None = None
    p50_ns: int | None = None
    p90_ns: int | None = None
    p95_ns: int | None = None
    p97_ns: int | None = None
    p99_ns: int | None = None
    p99_9_ns: int | None = None

    def at(self, percentile: float) -> int | None:
        """The value at a percentile LoadGen prints; None for any other."""
        name = PERCENTILE_FIELDS.get(f"{percentile:.2f}")
        value: int | None = getattr(self, name) if name else None
        return value

    @property
    def empty(self) -> bool:
        """Whether no figure was printed at all."""
        return self == Quantiles()


PERCENTILE_FIELDS = dict(
    zip(PERCENTILES, ("p50_ns", "p90_ns", "p95_ns", "p97_ns", "p99_ns", "p99_9_ns"), strict=True)
)


@dataclass(frozen=True)
class Figures:
    """Verdict and main figures of one run, from one of its logs."""

    sut_name: str | None = None
    scenario: str | None = None
    mode: str | None = None
    valid: bool | None = None
    performance_constraints_met: bool | None = None
    min_duration_met: bool | None = None
    min_queries_met: bool | None = None
    early_stopping_met: bool | None = None
    errors: int | None = None
    warnings: int | None = None
    samples_per_second: float | None = None
    """Offline."""
    tokens_per_second: float | None = None
    """Offline."""
    completed_samples_per_second: float | None = None
    """Server: (n - 1) / time until the query issued last is done."""
    scheduled_samples_per_second: float | None = None
    """Server."""
    completed_tokens_per_second: float | None = None
    """Server, and SingleStream's detail log: n tokens / the same time."""
    samples_per_second_with_overhead: float | None = None
    """SingleStream: (n - 1) / time until the last query is issued."""
    samples_per_second_without_overhead: float | None = None
    """SingleStream: 1 / mean latency."""
    tokens_per_second_with_overhead: float | None = None
    tokens_per_second_without_overhead: float | None = None
    latency: Quantiles = Quantiles()
    ttft: Quantiles = Quantiles()
    tpot: Quantiles = Quantiles()
