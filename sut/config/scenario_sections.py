"""How large a run of each scenario is, and what it is held to: sections of RunConfig."""

from __future__ import annotations

from pydantic import Field

from sut.config.quantities import DurationS, LimitMs, Percentile, QueryCount, QueryRate
from sut.config.strict import Strict


class OfflineConfig(Strict):
    """One query with every sample."""

    target_qps: QueryRate = Field(10.0, description="expected samples/s; sizes the query")
    probe_rate: bool = Field(
        False, description="measure target_qps after the warm-up; target_qps: auto sets it"
    )
    min_query_count: QueryCount = Field(100, description="samples at least")
    min_duration_s: DurationS = Field(60.0, description="seconds at least")


class ServerConfig(Strict):
    """Poisson arrivals at target_qps under latency limits; Interactive has its own copy."""

    target_qps: QueryRate = Field(1.0, description="arrivals per second")
    probe_rate: bool = Field(
        False, description="measure target_qps after the warm-up; target_qps: auto sets it"
    )
    min_query_count: QueryCount = Field(100, description="queries at least")
    min_duration_s: DurationS = Field(60.0, description="seconds at least")
    latency_percentile: Percentile = Field(
        99.0, description="percentile LoadGen holds TTFT and TPOT to, in percent"
    )
    ttft_limit_ms: LimitMs = Field(2000.0, description="time to first token, ms")
    tpot_limit_ms: LimitMs = Field(100.0, description="time per output token, ms")
    e2e_p99_limit_ms: LimitMs | None = Field(
        None, description="our own check of the P99 end-to-end latency, ms; none if null"
    )


class SingleStreamConfig(Strict):
    """One query at a time."""

    target_latency_ms: LimitMs = Field(1000.0, description="expected latency, ms (a hint)")
    min_query_count: QueryCount = Field(100, description="queries at least")
    min_duration_s: DurationS = Field(60.0, description="seconds at least")
    latency_percentile: Percentile = Field(90.0, description="reported, in percent")
