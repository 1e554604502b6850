"""Does a result agree with itself? Asked of a file alone, which no session proves.

A file that was edited in one place seldom does: verdicts follow from checks, and the first figures
from others of the same file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from sut.result.schema import Result, RunResult

NS_PER_MS = 1e6
RELATIVE = 1e-3
"""LoadGen prints six digits; the rest is head room."""
ORDERS = {"<": 1, "<=": 1, ">=": -1}
PERFORMANCE = "performance"
ONE_QUERY = "Offline"
BY_LATENCY = "SingleStream"
"""Its rate is 1 / mean latency, which no count of tokens goes with."""


def incoherent(result: Result) -> str | None:
    """The first thing that a result says against itself, in words; None: there is none."""
    return next(_problems(result), None)


def _problems(result: Result) -> Iterator[str]:
    runs = dict(_runs(result))
    for name, run in runs.items():
        for each in _of_run(name, run):
            yield f"{name}: {each}"
    if result.valid:
        bad = next((name for name, run in runs.items() if not run.valid), None)
        if bad is not None:
            yield f"the session is VALID and its run {bad} is not"
        if result.reasons:
            yield f"the session is VALID, and: {result.reasons[0]}"
    elif not result.reasons:
        yield "the session is INVALID without a reason"


def _runs(result: Result) -> Iterator[tuple[str, RunResult]]:
    """Each run by its scenario and, but for a performance run, its kind."""
    for scenario, run in result.scenarios.items():
        yield scenario.value, run
    for scenario, run in result.accuracy_runs.items():
        yield f"{scenario.value} accuracy", run
    for scenario, tests in result.compliance_runs.items():
        for test, run in tests.items():
            yield f"{scenario.value} {test}", run


def _of_run(name: str, run: RunResult) -> Iterator[str]:
    failed = [each for each in run.checks if not each.passed]
    if run.valid and (failed or run.reasons):
        yield f"it is VALID, and: {failed[0].reason if failed else run.reasons[0]}"
    if not run.valid and not (failed or run.reasons):
        yield "it is INVALID without a reason"
    for each in run.checks:
        if each.passed and _broken(each.measured, each.comparison, each.limit):
            yield f"a check is passed that does not hold: {each.reason}"
    if run.valid and run.mode == PERFORMANCE:
        yield from _figures(name, run)


def _broken(measured: object, comparison: str, limit: object) -> bool:
    numbers = [each for each in (measured, limit) if isinstance(each, int | float)]
    if comparison not in ORDERS or len(numbers) < 2:
        return False
    over = (numbers[0] - numbers[1]) * ORDERS[comparison]
    return over > RELATIVE * abs(numbers[1])


def _figures(scenario: str, run: RunResult) -> Iterator[str]:
    """Those that others of the same run give, too."""
    queries = run.queries
    if queries.issued and not _near(run.accuracy, queries.succeeded / queries.issued):
        yield f"accuracy is {run.accuracy} of {queries.succeeded} in {queries.issued}"
    p99_ns = run.latency.p99_ns if run.latency else None
    if p99_ns is not None and not _near(run.latency_p99, p99_ns / NS_PER_MS):
        yield f"latency_p99 is {run.latency_p99} and latency.p99_ns {p99_ns}"
    rate, mean = run.achieved_qps, run.mean_output_tokens
    tokens = run.throughput_tokens_per_sec
    if scenario == BY_LATENCY or None in (rate, mean, tokens) or not queries.issued:
        return
    assert rate is not None
    assert mean is not None
    assert tokens is not None
    # Server's samples/s leave one sample out, its tokens/s none (docs/rules.md).
    all_n = queries.issued / max(queries.issued - 1, 1) if scenario != ONE_QUERY else 1.0
    low, high = sorted((rate * mean, rate * mean * all_n))
    if not low * (1 - RELATIVE) <= tokens <= high * (1 + RELATIVE):
        yield f"{tokens:.6g} tokens/s are not {rate:.6g} samples/s with {mean:.6g} tokens each"


def _near(stated: float | None, given: float) -> bool:
    return stated is not None and math.isclose(stated, given, rel_tol=RELATIVE, abs_tol=1e-12)
