"""The plots of one run, each with its words and the formula of what is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sut.errors import LogError
from sut.record.cards import by_card, read_samples
from sut.record.engine_load import read_load
from sut.record.folder import RunDir
from sut.record.session import RunRecord
from sut.report.page import plots, series
from sut.result.schema import RunResult
from sut.rules.check import Check, number

# The rule that holds a distribution to a limit, and the unit its limit is in.
LIMITS = {"TTFT": "ttft", "TPOT": "tpot", "latency": "latency-p99"}
# Those that LoadGen holds, with its early stopping; the third is our own.
EARLY_STOPPED = ("TTFT", "TPOT")
PER_MS = {"ms": 1.0, "s": 1e3, "ns": 1e-6}
# By the ledger, from the issue: LoadGen's own, in the tables, count from when a query was due.
FORMULAS = {
    "latency": "done - issued",
    "TTFT": "first token - issued",
    "TPOT": "(done - first token) / (output tokens - 1)",
}

# Of several replicas: what is drawn of a figure, and what of the KV cache.
_OF_MANY = (" It is the sum over the replicas.", " It is that of the fullest replica.")


@dataclass(frozen=True)
class Figure:
    """A plot with its words, and how what it shows is made."""

    title: str
    note: str
    svg: str
    formula: str = ""


def figures(run: RunResult, record: RunRecord) -> Iterator[Figure]:
    """Every plot of a run of which something was measured."""
    ledger = record.ledger
    if ledger is not None and ledger.num_rows:
        yield from _distributions(run, ledger)
        yield from _timelines(ledger)
        yield from _engine(RunDir(record.folder.root), ledger)
    yield from _cards(RunDir(record.folder.root))


def _distributions(run: RunResult, ledger: Any) -> Iterator[Figure]:
    limits = {each.rule: each for each in run.checks}
    for name, points in series.kinds(ledger).items():
        check = limits.get(LIMITS[name])
        limit = None if check is None else _in_ms(check)
        share = None if check is None else _percentile(check)
        svg = plots.cdf(points, f"{name}, ms", limit, share)
        formula = f"{name} = {FORMULAS[name]}, of each query that succeeded"
        yield Figure(name, _of_limit(limit, points[-1]["ms"], "upright"), svg, formula)
        if share is not None:
            yield from _so_far(name, ledger, share * 100, limit)


def _so_far(name: str, ledger: Any, percentile: float, limit: float | None) -> Iterator[Figure]:
    """The percentile that is held to a limit, as it stood at each moment."""
    points, held = series.so_far(ledger, name, percentile)
    if not points:
        return
    held = held if name in EARLY_STOPPED else []
    most = max(point["value"] for point in [*points, *held])
    note = f"Solid: of the queries that had ended by then. {_of_limit(limit, most, 'line')}"
    if held:
        note += " Dotted: the figure that early stopping holds to the limit, once queries suffice."
    elif name in EARLY_STOPPED:
        note += " There were too few queries for early stopping."
    svg = plots.so_far(points, held, f"{name} P{percentile:g}, ms", limit)
    formula = f"P{percentile:g} = the value at index floor(n * {percentile / 100:g}) of the sorted"
    if held:
        formula += "; dotted: the (k + 1)th largest, where early stopping lets k be over the limit"
    yield Figure(f"{name} P{percentile:g} so far", note, svg, formula)


def _of_limit(limit: float | None, most: float, shape: str) -> str:
    if limit is None:
        return ""
    if limit > plots.FAR * most:
        return f"The limit of {limit:,.6g} ms lies far beyond."
    return f"The dashed {shape} is the limit of {limit:,.6g} ms."


def _in_ms(check: Check) -> float | None:
    limit = number(check.limit)
    return None if limit is None else limit * PER_MS.get(check.unit or "ms", 1.0)


def _percentile(check: Check) -> float | None:
    """The share of a check's name, as in "TTFT P99"."""
    last = check.name.rpartition("P")[2]
    with suppress(ValueError):
        return float(last.split()[0]) / 100
    return None


def _timelines(ledger: Any) -> Iterator[Figure]:
    tokens, open_ = series.tokens_per_s(ledger), series.outstanding(ledger)
    if tokens:
        note = "Output tokens of the answers that ended in each interval."
        svg = plots.over_time(tokens, "tokens/s")
        yield Figure("Throughput", note, svg, "tokens / length of the interval")
    if open_:
        note = "Queries that were issued and had no answer yet."
        svg = plots.over_time(open_, "queries", area=True)
        yield Figure("Outstanding", note, svg, "issued so far - ended so far")
    lengths = series.by_length(ledger)
    if lengths:
        note = "One point an answer, or every so many."
        svg = plots.scatter(lengths, "prompt, tokens", "latency, ms")
        yield Figure("Latency by prompt length", note, svg, f"latency = {FORMULAS['latency']}")
    lanes = series.swim(ledger)
    if lanes:
        note = "Thin: until the first token. Thick: until the last."
        yield Figure(f"The first {len(lanes)} queries", note, plots.lanes(lanes))


def _engine(run: RunDir, ledger: Any) -> Iterator[Figure]:
    """What the engine told of itself while it answered; nothing where it did not."""
    try:
        samples = read_load(run.engine_load)
    except LogError:
        return
    several = len({each.replica for each in samples}) > 1
    for title, field, what, note in (
        ("Batch size", "running", "sequences", "Sequences of the engine's last step."),
        ("Queue depth", "waiting", "queries", "Queries that the engine had not begun."),
        ("KV cache", "kv_cache_used", "share in use", "How much of it was in use, 0 to 1."),
    ):
        points = series.engine_series(samples, field, ledger)
        if points:
            of_many = "" if not several else _OF_MANY[field == "kv_cache_used"]
            svg = plots.over_time(points, what, area=field != "kv_cache_used")
            yield Figure(title, f"{note}{of_many}", svg, "by the engine, asked between two steps")


def _cards(run: RunDir) -> Iterable[Figure]:
    try:
        found = by_card(read_samples(run.cards))
    except LogError:
        return
    for place, samples in enumerate(found.values()):
        for title, field, scale, unit in (
            ("clock", "sm_mhz", 1.0, "MHz"), ("power", "power_mw", 1e-3, "W"),
        ):  # fmt: skip
            points = series.card_series(list(samples), field, scale)
            if points:
                svg = plots.over_time(points, unit)
                yield Figure(f"Card {place}: {title}", "", svg, "by NVML, once a second")
