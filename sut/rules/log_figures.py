"""The figures of one LoadGen log against each other: what follows from other figures must follow.

None of these needs a ledger, so they judge anybody's run. They hold each figure to the formula that
LoadGen computes it by (results.cc, LogDetail), with the digits that it prints. n is the number of
samples, times are seconds from the start of the run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime

from sut.config.names import Scenario
from sut.rules.case import LogCase
from sut.rules.check import Check, Value, check, number
from sut.rules.consistency import OURS, RELATIVE_TOLERANCE
from sut.rules.rule import ACCURACY, PERFORMANCE, Book, Ground
from sut.rules.spread import most_deviation, most_deviation_of_counts

MEASURED = (PERFORMANCE,)
NS_PER_S = 1e9
RESULTS = "loadgen/results.cc"

SCHEDULE_SIGMAS = 6.0
"""Server's schedule is a Poisson process: n is within so many sqrt(n) of its mean."""

STAMPS = ("power_begin", "power_end")
STAMP_FORMAT = "%m-%d-%Y %H:%M:%S.%f"
NEAR_STAMPS = 0.005
"""LoadGen stamps the begin and the end of a run in whole ms, by a clock of its own."""

AROUND_SHARE, AROUND_S = 0.01, 10.0
"""What lies between the stamps and is no part of the measured time."""

UNCOUNTED_END = 1
"""Some systems count the end-of-sequence id as well (results published in v5.1)."""

FIGURES: Book[LogCase] = Book(Ground.LOADGEN)


@FIGURES.rule(
    "counts-agree",
    "LoadGen counts the queries that it generated",
    RESULTS,
    modes=(PERFORMANCE, ACCURACY),
)
def counts_agree(case: LogCase) -> Iterable[Check]:
    """A performance run has at least what was asked; an accuracy run asks each sample once."""
    generated = _whole(case.logged("generated_query_count"))
    each = _whole(case.logged("generated_samples_per_query"))
    keys = ("generated_query_count", "generated_samples_per_query")
    if case.mode == ACCURACY:
        samples = None if generated is None or each is None else generated * each
        wanted, origin = case.demands.dataset_count, case.demands.origin
        yield check("samples generated", samples, "==", wanted, origin, unit="samples", keys=keys)
        return
    counted = _whole(case.logged("result_query_count"))
    keys = ("result_query_count", "generated_query_count")
    yield check("queries counted", counted, "==", generated, RESULTS, keys=keys)
    least = _whole(case.logged("effective_min_query_count"))
    keys = ("result_query_count", "effective_min_query_count")
    yield check("queries counted against the least", counted, ">=", least, RESULTS, keys=keys)
    if case.scenario is Scenario.OFFLINE:
        asked = _whole(case.logged("effective_samples_per_query"))
        keys = ("generated_samples_per_query", "effective_samples_per_query")
        yield check("samples of the query", each, ">=", asked, RESULTS, keys=keys)


@FIGURES.rule("rates-follow", "Rates are counts over times", RESULTS, modes=MEASURED)
def rates_follow(case: LogCase) -> Iterable[Check]:
    """Each scenario has its own formulas."""
    if case.scenario is Scenario.OFFLINE:
        yield from _offline(case)
    elif case.scenario is Scenario.SINGLE_STREAM:
        yield from _single_stream(case)
    elif case.like_server:
        yield from _server(case)


def _offline(case: LogCase) -> Iterable[Check]:
    """Samples over the longest latency."""
    longest, n = _seconds(case.figures.latency.max_ns), case.sample_count
    keys = ("result_samples_per_second", "result_max_latency_ns", "generated_samples_per_query")
    expected = n / longest if n and longest else None
    yield _near("samples per second", case.figures.samples_per_second, expected, keys)


def _single_stream(case: LogCase) -> Iterable[Check]:
    """1 / mean latency; with LoadGen's own time a little less. Tokens over either time agree."""
    figures = case.figures
    mean = _seconds(figures.latency.mean_ns)
    keys = ("result_qps_without_loadgen_overhead", "result_mean_latency_ns")
    without = figures.samples_per_second_without_overhead
    yield _near("queries per second", without, 1 / mean if mean else None, keys)
    overhead, n = figures.samples_per_second_with_overhead, case.sample_count
    least = None if without is None else without * (1 - AROUND_SHARE)
    keys = ("result_qps_with_loadgen_overhead", keys[0])
    # With n - 1 queries over the time of n - 1, and the last one's latency left out.
    most = None if without is None or not n else without * n / max(n - 1, 1)
    yield between("queries per second with overhead", overhead, least, most, keys)
    tokens = figures.tokens_per_second_with_overhead
    yield from _tokens_twice(
        case, overhead, tokens, "result_token_throughput_with_loadgen_overhead"
    )


def _server(case: LogCase) -> Iterable[Check]:
    """(n - 1) / t: t until the last query is scheduled, and until it is done."""
    figures, n = case.figures, case.sample_count
    scheduled = _time_of(figures.scheduled_samples_per_second, n)
    done = _time_of(figures.completed_samples_per_second, n)
    keys = ("result_completed_samples_per_sec", "result_scheduled_samples_per_sec")
    last = None if done is None or scheduled is None else done - scheduled
    shortest, longest = (_seconds(figures.latency.min_ns), _seconds(figures.latency.max_ns))
    slack = RELATIVE_TOLERANCE / 10 * (done or 0)
    least = None if shortest is None else shortest - slack
    most = None if longest is None else longest + slack
    yield between("seconds from the last query to its answer", last, least, most, keys)
    planned = _seconds(_whole(case.logged("generated_query_duration")))
    keys = ("result_scheduled_samples_per_sec", "generated_query_duration")
    most = None if planned is None else planned * (1 + RELATIVE_TOLERANCE)
    yield between("seconds until the last query", scheduled, 0.0, most, keys)
    target = number(case.logged("effective_target_qps"))
    keys = ("generated_query_duration", "effective_target_qps")
    spread = SCHEDULE_SIGMAS * math.sqrt(n) if n else 0.0
    mean = None if target is None or planned is None else target * planned
    low, high = (None, None) if mean is None else (mean - spread, mean + spread)
    yield between("queries at the target rate", n, low, high, keys)
    rate, tokens = figures.completed_samples_per_second, figures.completed_tokens_per_second
    yield from _tokens_twice(case, rate, tokens, "result_completed_tokens_per_second")


def _tokens_twice(
    case: LogCase, samples_per_s: float | None, tokens_per_s: float | None, key: str
) -> Iterable[Check]:
    """Tokens of an answer by two rates: over the run's time, and over the mean latency."""
    overall, mean = _per_sample(case, samples_per_s, tokens_per_s), case.figures.latency.mean_ns
    per_s = case.figures.tokens_per_second_without_overhead
    by_latency = None if per_s is None or mean is None else per_s * mean / NS_PER_S
    keys = ("result_token_throughput", "result_mean_latency_ns", key)
    yield _near("tokens of an answer by its latency", by_latency, overall, keys)


@FIGURES.rule(
    "answer-length",
    "An answer has as many tokens as the round allows, on average",
    "inference_rules.adoc §4.1.3, loadgen/results.cc",
    "max_tokens",
    MEASURED,
)
def answer_length(case: LogCase) -> Iterable[Check]:
    """Tokens per second over samples per second; and the time that they took."""
    figures, allowed = case.figures, case.demands.max_tokens
    most = None if allowed is None else allowed + UNCOUNTED_END
    pairs = {
        Scenario.OFFLINE: (figures.samples_per_second, figures.tokens_per_second),
        Scenario.SINGLE_STREAM: (
            figures.samples_per_second_with_overhead,
            figures.tokens_per_second_with_overhead,
        ),
    }
    default = (figures.completed_samples_per_second, figures.completed_tokens_per_second)
    tokens = _per_sample(case, *pairs.get(case.scenario or Scenario.SERVER, default))
    keys = ("result_tokens_per_second", "result_completed_tokens_per_second")
    bound = None if most is None else most * (1 + RELATIVE_TOLERANCE)
    name, inside = "output tokens of an answer", None
    if tokens is not None and bound is not None:
        inside = 1 <= tokens <= bound
    yield check(name, tokens, "<=", most, OURS, unit="tokens", keys=keys, holds=inside)
    if case.scenario is not Scenario.OFFLINE:
        yield from _time_of_tokens(case, most, tokens)


def _time_of_tokens(
    case: LogCase, most_tokens: int | None, tokens: float | None
) -> Iterable[Check]:
    """Latency = TTFT + TPOT x (tokens - 1) of each answer; LoadGen rounds TPOT down.

    So it is of their means, but for the covariance of tokens and TPOT: less of one figure alone
    contradicts the others, and TTFT made less by itself is found.
    """
    latency, first = case.figures.latency.mean_ns, case.figures.ttft.mean_ns
    step = case.figures.tpot.mean_ns
    if latency is None or first is None:
        return
    keys = ("result_mean_latency_ns", "result_first_token_mean_latency_ns")
    most = None
    if step is not None and most_tokens is not None:
        most = (step + 1) * (most_tokens - 1) * (1 + RELATIVE_TOLERANCE) / NS_PER_S
    least = None if step is None else step / NS_PER_S * (1 - RELATIVE_TOLERANCE)
    spent = (latency - first) / NS_PER_S
    yield between("seconds from first to last token", spent, least, most, keys)
    if step is not None and most_tokens is not None and tokens is not None:
        yield from _by_the_means(case, spent, step, tokens, most_tokens)


def _by_the_means(
    case: LogCase, spent: float, step: int, tokens: float, most_tokens: int
) -> Iterable[Check]:
    """The time from first to last token by the mean answer and the mean TPOT."""
    apart = most_deviation(case.figures.tpot, case.sample_count or 0)
    if apart is None:
        return
    room = most_deviation_of_counts(tokens, most_tokens) * apart / NS_PER_S
    low, high = ((step + each) * (tokens - 1) / NS_PER_S for each in (0, 1))
    keys = (
        *("result_mean_latency_ns", "result_first_token_mean_latency_ns"),
        *("result_time_to_output_token_mean", "result_completed_tokens_per_second"),
    )
    yield between(
        "seconds from first to last token, by the mean answer",
        spent,
        (low - room) * (1 - RELATIVE_TOLERANCE),
        (high + room) * (1 + RELATIVE_TOLERANCE),
        keys,
    )


@FIGURES.rule(
    "stamps-agree",
    "The run took as long as LoadGen's stamps of its begin and end say",
    "power_begin and power_end, loadgen/loadgen.cc",
    modes=MEASURED,
)
def stamps_agree(case: LogCase) -> Iterable[Check]:
    """These stamps are no part of any figure, so a figure that was changed contradicts them."""
    spent = spent_s(case)
    measured, longest = _measured_s(case), _seconds(case.figures.latency.max_ns)
    if case.scenario is Scenario.OFFLINE:
        longest = 0.0  # its one query is all of the run
    least = None if measured is None else measured * (1 - RELATIVE_TOLERANCE) - NEAR_STAMPS
    most = None
    if measured is not None and longest is not None:
        most = (measured + longest) * (1 + AROUND_SHARE) + AROUND_S
    yield between("seconds from begin to end", spent, least, most, STAMPS)


def spent_s(case: LogCase) -> float | None:
    """From LoadGen's stamp of a run's begin to that of its end."""
    begin, end = (stamp(case.logged(key)) for key in STAMPS)
    return None if begin is None or end is None else (end - begin).total_seconds()


def _measured_s(case: LogCase) -> float | None:
    """The time that the figures are taken over."""
    figures, n = case.figures, case.sample_count
    if case.scenario is Scenario.OFFLINE:
        return _seconds(figures.latency.max_ns)
    if case.scenario is Scenario.SINGLE_STREAM:
        return _time_of(figures.samples_per_second_with_overhead, n)
    return _time_of(figures.completed_samples_per_second, n)


def _per_sample(
    case: LogCase, samples_per_s: float | None, tokens_per_s: float | None
) -> float | None:
    """Tokens of an answer; but for Offline LoadGen counts n - 1 samples, and all n tokens."""
    n = case.sample_count
    if samples_per_s is None or tokens_per_s is None or not samples_per_s or not n:
        return None
    tokens = tokens_per_s / samples_per_s
    return tokens if case.scenario is Scenario.OFFLINE else tokens * (n - 1) / n


def _time_of(rate: float | None, n: int | None) -> float | None:
    """The t of (n - 1) / t."""
    return (n - 1) / rate if rate and n else None


def _near(
    name: str, measured: float | None, expected: float | None, keys: tuple[str, ...]
) -> Check:
    near = None
    if measured is not None and expected is not None:
        near = abs(measured - expected) <= RELATIVE_TOLERANCE * abs(expected)
    return check(name, measured, "==", expected, OURS, keys=keys, holds=near)


def between(
    name: str,
    measured: float | None,
    least: float | None,
    most: float | None,
    keys: tuple[str, ...],
) -> Check:
    """Both bounds are shown; a figure or a bound that is missing fails it."""
    if measured is None or least is None or most is None:
        return check(name, None, "==", None, OURS, keys=keys)
    if measured > most:
        return check(name, measured, "<=", most, OURS, keys=keys)
    return check(name, measured, ">=", least, OURS, keys=keys)


def stamp(value: Value) -> datetime | None:
    """A stamp of power_begin or power_end; None for any other text."""
    try:
        return datetime.strptime(str(value), STAMP_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None


def _seconds(value_ns: int | None) -> float | None:
    return None if value_ns is None else value_ns / NS_PER_S


def _whole(value: Value) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
