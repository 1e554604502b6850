"""Facts → latency, TTFT and TPOT distributions and rates: one function per formula.

LoadGen's figures are the official ones; what its logs lack comes from the ledger and says
so in its `source`. "n" is the number of samples. Times are nanoseconds, rates per second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sut.logs.figures import PERCENTILE_FIELDS, Figures, Quantiles
from sut.record.frozen import Published

Nanoseconds = npt.NDArray[np.int64]
NS_PER_S = 1e9

Source = Literal["loadgen", "ledger"]


class Distribution(Published):
    """One kind of time over the queries of a run, in nanoseconds."""

    source: Source = Field(description="loadgen: official; ledger: from our own stamps")
    count: int | None = Field(description="queries it is taken over")
    mean_ns: int | None
    min_ns: int | None
    max_ns: int | None
    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p97_ns: int | None
    p99_ns: int | None
    p99_9_ns: int | None


@dataclass(frozen=True)
class Rate:
    """A rate and whose figure it is."""

    per_second: float | None
    source: Source | None


NOT_MEASURED = Rate(None, None)


@dataclass(frozen=True)
class Rates:
    """Samples and tokens over one and the same time."""

    samples: Rate
    tokens: Rate
    n_minus_1: bool
    """Whether the samples rate counts n - 1 samples while the token rate counts all n."""


def percentile_ns(ascending: Nanoseconds, percentile: float) -> int:
    """The value at index floor(n * percentile/100) of the sorted values.

    Source: LoadGen results.cc, PerformanceSummary::ProcessLatencies.
    """
    return int(ascending[int(len(ascending) * (percentile / 100))])


def distribution_of(values_ns: Nanoseconds) -> Distribution | None:
    """Distribution of times from the ledger; None for no values.

    The mean is rounded down to whole nanoseconds, percentiles are `percentile_ns`.
    Source: LoadGen results.cc, PerformanceSummary::ProcessLatencies.
    """
    if not len(values_ns):
        return None
    ascending = np.sort(values_ns)
    named = {
        field: percentile_ns(ascending, float(spelled))
        for spelled, field in PERCENTILE_FIELDS.items()
    }
    return Distribution(
        source="ledger",
        count=len(ascending),
        min_ns=int(ascending[0]),
        max_ns=int(ascending[-1]),
        mean_ns=int(sum(ascending.tolist()) // len(ascending)),
        **named,
    )


def loadgen_distribution(quantiles: Quantiles, count: int | None) -> Distribution | None:
    """LoadGen's own figures, unchanged; None if it printed none.

    Source: mlperf_log_detail.txt, `result_*_latency_ns` and relatives (LoadGen results.cc).
    """
    if quantiles.empty:
        return None
    names = ("min_ns", "max_ns", "mean_ns", *PERCENTILE_FIELDS.values())
    return Distribution(
        source="loadgen", count=count, **{name: getattr(quantiles, name) for name in names}
    )


def latency_ns(ledger: Any) -> Nanoseconds:
    """Done - issued of every query that succeeded.

    LoadGen measures from the scheduled time instead, so its latency is longer in Server by
    the delay of the issue. Source: sut.harness.ledger's stamps.
    """
    return _interval(_succeeded(ledger), "issued_ns", "done_ns")


def ttft_ns(ledger: Any) -> Nanoseconds:
    """First token - issued of every query that succeeded and has a first-token stamp.

    Source: sut.harness.ledger's stamps.
    """
    return _interval(_succeeded(ledger), "issued_ns", "first_token_ns")


def answering_ns(ledger: Any) -> Nanoseconds:
    """Done - first token of every query that succeeded and has a first-token stamp.

    Source: sut.harness.ledger's stamps.
    """
    return _interval(_succeeded(ledger), "first_token_ns", "done_ns")


def steps(tokens: Nanoseconds) -> Nanoseconds:
    """What LoadGen divides by: output tokens - 1. It counts one token as none, so by -1.

    Source: LoadGen logging.cc, AsyncLog::RecordSampleCompletion.
    """
    return np.where(tokens > 1, tokens - 1, -1)


def tpot_ns(ledger: Any) -> Nanoseconds:
    """(done - first token) / (output tokens - 1), for queries with two tokens or more.

    Source: LoadGen logging.cc, AsyncLog::RecordSampleCompletion (whole nanoseconds).
    """
    import pyarrow.compute as pc

    answered = _succeeded(ledger)
    answered = answered.filter(pc.greater_equal(answered["tokens_out"], 2))
    answered = answered.filter(pc.is_valid(answered["first_token_ns"]))
    spans = _interval(answered, "first_token_ns", "done_ns")
    tokens = answered["tokens_out"].to_numpy().astype(np.int64)
    divided: Nanoseconds = spans // steps(tokens)
    return divided


def counted_tokens(ledger: Any) -> int:
    """Output tokens as LoadGen counts them: a sample with one token counts as none.

    Source: LoadGen logging.cc, RecordSampleCompletion ("Number of tokens need to be greater
    than 1" sets the count to 0).
    """
    import pyarrow.compute as pc

    wanted = pc.and_(
        pc.greater_equal(ledger["tokens_out"], 2), pc.not_equal(ledger["state"], "failed")
    )
    return int(pc.sum(ledger.filter(wanted)["tokens_out"]).as_py() or 0)


def mean_output_tokens(tokens: int, issued: int) -> float | None:
    """Output tokens / samples issued; None without samples.

    Source: docs/rules.md, "Figures agree" (tokens/s = samples/s * mean output tokens).
    """
    return tokens / issued if issued else None


def all_n(rate: float, n: int) -> float | None:
    """(n - 1)/t → n/t; None for fewer than two samples.

    Source: LoadGen results.cc, `qps_as_completed` and `qps_w_lg`.
    """
    return rate * n / (n - 1) if n > 1 else None


def loadgen_rates(scenario: str, figures: Figures) -> Rates:
    """The official pair of rates of a scenario.

    Offline: n and its tokens / longest latency. Server and Interactive: (n - 1) and all
    tokens / time until the query issued last is done. SingleStream: 1 / mean latency and
    tokens / sum of latencies, which the checker reads (perf_check,
    `result_qps_without_loadgen_overhead`). Source: LoadGen results.cc, LogDetail.
    """
    if scenario == "Offline":
        pair = figures.samples_per_second, figures.tokens_per_second
    elif scenario == "SingleStream":
        pair = (
            figures.samples_per_second_without_overhead,
            figures.tokens_per_second_without_overhead,
        )
    else:
        pair = figures.completed_samples_per_second, figures.completed_tokens_per_second
    samples, tokens = (NOT_MEASURED if rate is None else Rate(rate, "loadgen") for rate in pair)
    return Rates(samples, tokens, n_minus_1=scenario in ("Server", "Interactive"))


def ledger_span_s(ledger: Any) -> float | None:
    """Seconds from the first issue to the last query that ended; None if none did.

    Source: sut.harness.ledger's stamps.
    """
    import pyarrow.compute as pc

    first, last = pc.min(ledger["issued_ns"]).as_py(), pc.max(ledger["done_ns"]).as_py()
    if first is None or last is None or last <= first:
        return None
    return float((last - first) / NS_PER_S)


def loadgen_span_s(scenario: str, figures: Figures, n: int | None) -> float | None:
    """The time that LoadGen's official rate is taken over, in seconds.

    Offline: longest latency. Server: until the query issued last is done. SingleStream: all
    latencies together. Source: LoadGen results.cc, LogDetail.
    """
    if scenario == "Offline":
        longest_ns = figures.latency.max_ns
        return None if longest_ns is None else longest_ns / NS_PER_S
    rates = loadgen_rates(scenario, figures)
    rate = rates.samples.per_second
    return (n - 1 if rates.n_minus_1 else n) / rate if rate and n else None


def ledger_same_span_ns(scenario: str, ledger: Any) -> int:
    """`loadgen_span_s` by the ledger, in ns; a ledger without a query has none.

    Source: sut.harness.ledger's stamps.
    """
    import pyarrow.compute as pc

    if scenario == "SingleStream":
        return int(pc.sum(pc.subtract(ledger["done_ns"], ledger["issued_ns"])).as_py() or 0)
    every = ledger["done_ns"]
    done = every if scenario == "Offline" else every.slice(max(len(every) - 1, 0))
    last, first = pc.max(done).as_py(), pc.min(ledger["issued_ns"]).as_py()
    return 0 if last is None or first is None else int(last - first)


def ledger_rates(ledger: Any) -> Rates:
    """Queries that succeeded, and their tokens, / `ledger_span_s`.

    Stands in where LoadGen left no figure: the run broke off. Source: sut.harness.ledger's stamps.
    """
    import pyarrow.compute as pc

    span_s, answered = ledger_span_s(ledger), _succeeded(ledger)
    if span_s is None or not answered.num_rows:
        return Rates(NOT_MEASURED, NOT_MEASURED, n_minus_1=False)
    tokens = pc.sum(answered["tokens_out"]).as_py()
    return Rates(
        Rate(answered.num_rows / span_s, "ledger"),
        NOT_MEASURED if tokens is None else Rate(tokens / span_s, "ledger"),
        n_minus_1=False,
    )


def judged_duration_s(scenario: str, figures: Figures, n: int | None) -> float | None:
    """The time LoadGen holds against min_duration, in seconds.

    Offline: longest latency. Server: (n - 1) / scheduled rate. SingleStream: (n - 1) / rate
    with overhead. Source: LoadGen results.cc, MinDurationMet.
    """
    if scenario == "Offline":
        longest_ns = figures.latency.max_ns
        return None if longest_ns is None else longest_ns / NS_PER_S
    rate = (
        figures.samples_per_second_with_overhead
        if scenario == "SingleStream"
        else figures.scheduled_samples_per_second
    )
    return (n - 1) / rate if rate and n else None


def _succeeded(ledger: Any) -> Any:
    import pyarrow.compute as pc

    return ledger.filter(pc.equal(ledger["state"], "succeeded"))


def _interval(table: Any, start: str, end: str) -> Nanoseconds:
    import pyarrow.compute as pc

    # Integers all the way: a double holds no nanosecond stamp of a host up for 104 days.
    spans = pc.drop_null(pc.subtract(table[end], table[start]))
    values: Nanoseconds = spans.to_numpy().astype(np.int64)
    return values
