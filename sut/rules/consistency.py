"""Do the figures of one run agree with each other?

A run whose own figures contradict each other proves nothing, whatever LoadGen's verdict
(docs/rules.md, "Figures agree").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sut.config.names import Scenario
from sut.logs.figure_keys import key_of
from sut.logs.figures import PERCENTILE_FIELDS, Figures, Quantiles
from sut.metrics import all_n, counted_tokens, loadgen_rates, mean_output_tokens
from sut.record.facts import LedgerFacts
from sut.rules.case import LogCase, RunCase
from sut.rules.check import Check, check
from sut.rules.rule import PERFORMANCE, Book, Ground

RELATIVE_TOLERANCE = 1e-4
"""Two factors of 6 significant digits each are good to 1e-5; the rest is head room."""

MAX_SHOWN = 60

OURS = "our own condition: figures agree (docs/rules.md)"


CONSISTENCY: Book[RunCase] = Book(Ground.LEDGER)
MEASURED = (PERFORMANCE,)


@CONSISTENCY.rule("samples-ended", "Every sample that was issued ended", OURS)
def samples_ended(case: RunCase) -> Iterable[Check]:
    """By the ledger's rows."""
    yield all_ended(case.evidence.counts)


@CONSISTENCY.rule("ledger-as-counted", "run.json counts what the ledger holds", OURS)
def ledger_as_counted(case: RunCase) -> Iterable[Check]:
    """Each of its counts, taken again from the rows."""
    yield counts_as_recorded(case.evidence.run.ledger, case.evidence.counts)


@CONSISTENCY.rule(
    "rates-agree",
    "Tokens/s are samples/s times tokens",
    OURS,
    modes=MEASURED,
    ground=Ground.WITNESSES,
)
def rates_agree(case: RunCase) -> Iterable[Check]:
    """And in Offline the samples are samples/s times the longest latency."""
    figures, count = case.figures, case.sample_count
    name = case.evidence.run.scenario
    yield tokens_rate(name, figures, count, case.evidence.ledger)
    if name == "Offline":
        yield samples_over_time(figures, count)


@CONSISTENCY.rule(
    "times-in-order",
    "No percentile is above a higher one",
    OURS,
    modes=MEASURED,
    ground=Ground.LOADGEN,
)
def times_in_order(case: LogCase) -> Iterable[Check]:
    """Each kind of time by itself, and TTFT within the latency; Offline has no TTFT."""
    figures = case.figures
    kinds = {"latency": figures.latency}
    if case.scenario is not Scenario.OFFLINE:
        kinds |= {"ttft": figures.ttft, "tpot": figures.tpot}
        yield ttft_within_latency(figures)
    for kind, quantiles in kinds.items():
        yield ordered(kind, quantiles)


def all_ended(counts: LedgerFacts | None) -> Check:
    """Issued = succeeded + empty + failed."""
    ended = None if counts is None else counts.succeeded + counts.empty + counts.failed
    issued, source = None if counts is None else counts.issued, "ledger.parquet"
    return check("samples that ended", ended, "==", issued, source, unit="samples")


def counts_as_recorded(recorded: LedgerFacts, counts: LedgerFacts | None) -> Check:
    """Every count of run.json is the ledger's."""
    measured = None
    if counts is not None:
        stated, found = _comparable(recorded), _comparable(counts)
        wrong = [
            f"{name} {_short(stated[name])} (ledger {_short(found[name])})"
            for name in found
            if stated[name] != found[name]
        ]
        measured = ", ".join(wrong) or "none"
    name, source = "counts that the ledger contradicts", "run.json against ledger.parquet"
    keys = ("run.json/ledger",)
    return check(name, measured, "==", "none", source, keys=keys)


def _comparable(facts: LedgerFacts) -> dict[str, Any]:
    """The counts; causes that are equally frequent stand in any order."""
    failures = sorted(facts.failures, key=lambda each: each.reason)
    return facts.model_copy(update={"failures": failures}).model_dump()


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def tokens_rate(scenario: str, figures: Figures, n: int | None, ledger: Any | None) -> Check:
    """tokens/s = samples/s * mean output tokens, Server's samples/s taken over all n."""
    rates = loadgen_rates(scenario, figures)
    samples = rates.samples.per_second
    if samples is not None and rates.n_minus_1:
        samples = all_n(samples, n) if n else None
    mean = None
    if ledger is not None:
        mean = mean_output_tokens(counted_tokens(ledger), ledger.num_rows)
    expected = None if samples is None or mean is None else samples * mean
    return _close(
        "tokens per second against samples per second * mean output tokens",
        rates.tokens.per_second,
        expected,
        "tokens/s",
    )


def samples_over_time(figures: Figures, n: int | None) -> Check:
    """Offline: samples/s * longest latency = samples."""
    rate, longest_ns = figures.samples_per_second, figures.latency.max_ns
    measured = None if rate is None or longest_ns is None else rate * longest_ns / 1e9
    return _close(
        "samples per second * longest latency",
        measured,
        None if n is None else float(n),
        "samples",
    )


def ordered(kind: str, quantiles: Quantiles) -> Check:
    """Min <= P50 <= … <= P99.9 <= max, and min <= mean <= max."""
    names = ("min_ns", *PERCENTILE_FIELDS.values(), "max_ns")
    values = [getattr(quantiles, name) for name in names]
    mean, missing = quantiles.mean_ns, quantiles.mean_ns is None or None in values
    rising = not missing and values == sorted(values)
    inside = not missing and mean is not None and values[0] <= mean <= values[-1]
    return Check(
        name=f"{kind}: percentiles in order, mean between min and max",
        measured=None if missing else rising and inside,
        limit=True,
        comparison="==",
        unit=None,
        source=OURS,
        passed=rising and inside,
        keys=_keys(kind, names),
    )


def ttft_within_latency(figures: Figures) -> Check:
    """No statistic of TTFT exceeds the same one of the latency."""
    names = ("min_ns", "mean_ns", *PERCENTILE_FIELDS.values(), "max_ns")
    pairs = [(getattr(figures.ttft, n), getattr(figures.latency, n)) for n in names]
    missing = any(None in pair for pair in pairs)
    holds = not missing and all(first <= whole for first, whole in pairs)
    return Check(
        name="ttft within latency",
        measured=None if missing else holds,
        limit=True,
        comparison="==",
        unit=None,
        source=OURS,
        passed=holds,
        keys=(*_keys("ttft", names), *_keys("latency", names)),
    )


def _keys(kind: str, fields: Iterable[str]) -> tuple[str, ...]:
    """LoadGen's keys of these statistics of a kind of time."""
    return tuple(key for field in fields if (key := key_of(f"{kind}.{field}")))


def _close(name: str, measured: float | None, expected: float | None, unit: str) -> Check:
    passed = (
        measured is not None
        and expected is not None
        and abs(measured - expected) <= RELATIVE_TOLERANCE * abs(expected)
    )
    return Check(
        name=name,
        measured=measured,
        limit=expected,
        comparison=f"== (to {RELATIVE_TOLERANCE:g})",
        unit=unit,
        source=OURS,
        passed=passed,
    )
