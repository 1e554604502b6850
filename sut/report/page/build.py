"""A session's folder → report.html: verdict, figures beside their limits, and what happened when.

One file that opens without a network and has no script. A pure function of the folder, as
`sut.result.build` is. Times in plots are our ledger's, counted from the issue; figures in tables
are LoadGen's unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sut.config.names import Scenario
from sut.errors import LogError
from sut.record.cards import by_card, read_samples
from sut.record.folder import RunDir, write_atomic
from sut.record.session import SessionRecord
from sut.report.page import plots, series
from sut.report.summary import FORMULAS
from sut.report.templates import template
from sut.result.schema import Result, RunResult
from sut.rules.check import Check, shown

NAME, TEMPLATE = "report.html", Path(__file__).parent / "page.html"
# The rule that holds a distribution to a limit, and the unit its limit is in.
LIMITS = {"TTFT": "ttft", "TPOT": "tpot", "latency": "latency-p99"}
PER_MS = {"ms": 1.0, "s": 1e3, "ns": 1e-6}
STATISTICS = ("mean", "p50", "p90", "p95", "p97", "p99", "p99_9", "max")


@dataclass(frozen=True)
class Figure:
    """A plot with its words."""

    title: str
    note: str
    svg: str


@dataclass(frozen=True)
class Margin:
    """A figure beside its limit.

    Attributes:
        share: of the limit that was used, 0 to 1 and beyond; None where none can be said.
    """

    name: str
    measured: str
    limit: str
    share: float | None
    passed: bool


@dataclass(frozen=True)
class RunPage:
    """One LoadGen run as the template shows it."""

    name: str
    anchor: str
    run: RunResult
    margins: list[Margin]
    figures: list[Figure]
    statistics: list[tuple[str, list[str]]]
    formula: str | None


def report_html(result: Result, record: SessionRecord) -> str:
    """The page of one session.

    Args:
        result: as built from the folder.
        record: the same folder, read: ledgers and samples of the cards.
    """
    folders = {run.place: run for run in record.runs}
    pages = [_page(*each, folders) for each in _runs(result)]
    return template(TEMPLATE, {"figure": figure_text}).render(
        result=result, info=result.benchmark_info, runs=pages, advice=_advice(pages),
        folder=record.folder.root.name, statistics=[_title(name) for name in STATISTICS],
    )  # fmt: skip


def figure_text(value: float | None, digits: int = 4) -> str:
    """A figure as a person reads it; never 0 for one that was not measured."""
    return "not measured" if value is None else f"{value:,.{digits}g}"


def _runs(result: Result) -> Iterable[tuple[Scenario, str, RunResult]]:
    yield from ((scenario, "performance", run) for scenario, run in result.scenarios.items())
    yield from ((scenario, "accuracy", run) for scenario, run in result.accuracy_runs.items())
    for scenario, tests in result.compliance_runs.items():
        yield from ((scenario, test, run) for test, run in tests.items())


def _page(scenario: Scenario, kind: str, run: RunResult, records: dict[str, Any]) -> RunPage:
    name = scenario.value if kind == "performance" else f"{scenario.value} {kind}"
    record = records.get(f"{scenario.value}/{kind}")
    performance = kind == "performance"
    return RunPage(
        name=name,
        anchor=name.replace(" ", "-"),
        run=run,
        margins=[_margin(each) for each in run.checks if each.rule in LIMITS.values()],
        figures=list(_figures(run, record)) if performance and record is not None else [],
        statistics=_statistics(run) if performance else [],
        formula=FORMULAS.get(scenario) if performance else None,
    )


def _advice(pages: list[RunPage]) -> list[str]:
    return [f"{page.name}: {each}" for page in pages for each in page.run.advice]


def _margin(check: Check) -> Margin:
    unit = f" {check.unit}" if check.unit else ""
    measured, limit = _number(check.measured), _number(check.limit)
    return Margin(
        name=check.name,
        measured="not measured" if check.measured is None else f"{shown(check.measured)}{unit}",
        limit=f"{check.comparison} {shown(check.limit)}{unit}",
        share=measured / limit if measured is not None and limit else None,
        passed=check.passed,
    )


def _number(value: object) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type]


def _statistics(run: RunResult) -> list[tuple[str, list[str]]]:
    kinds = (("latency", run.latency), ("TTFT", run.ttft), ("TPOT", run.tpot))
    rows = []
    for name, found in kinds:
        if found is None:
            continue
        values = [getattr(found, f"{each}_ns") for each in STATISTICS]
        cells = ["-" if each is None else f"{each / 1e6:,.2f}" for each in values]
        rows.append((f"{name}, ms ({found.source})", cells))
    return rows


def _title(name: str) -> str:
    return name.upper().replace("_", ".") if name.startswith("p") else name


def _figures(run: RunResult, record: Any) -> Iterable[Figure]:
    ledger = record.ledger
    if ledger is not None and ledger.num_rows:
        yield from _distributions(run, ledger)
        yield from _timelines(ledger)
    yield from _cards(RunDir(record.folder.root))


def _distributions(run: RunResult, ledger: Any) -> Iterable[Figure]:
    limits = {each.rule: each for each in run.checks}
    for name, points in series.kinds(ledger).items():
        check = limits.get(LIMITS[name])
        limit = None if check is None else _in_ms(check)
        share = None if check is None else _percentile(check)
        note = _of_limit(limit, points[-1]["ms"])
        yield Figure(name, note, plots.cdf(points, f"{name}, ms", limit, share))


def _of_limit(limit: float | None, most: float) -> str:
    if limit is None:
        return ""
    if limit > plots.FAR * most:
        return f"The limit of {limit:,.6g} ms lies far beyond."
    return f"The dashed upright is the limit of {limit:,.6g} ms."


def _in_ms(check: Check) -> float | None:
    limit = _number(check.limit)
    return None if limit is None else limit * PER_MS.get(check.unit or "ms", 1.0)


def _percentile(check: Check) -> float | None:
    """The share of a check's name, as in "TTFT P99"."""
    last = check.name.rpartition("P")[2]
    with suppress(ValueError):
        return float(last.split()[0]) / 100
    return None


def _timelines(ledger: Any) -> Iterable[Figure]:
    tokens, open_ = series.tokens_per_s(ledger), series.outstanding(ledger)
    if tokens:
        note = "Output tokens of the answers that ended in each interval."
        yield Figure("Throughput", note, plots.over_time(tokens, "tokens/s"))
    if open_:
        note = "Queries that were issued and had no answer yet."
        yield Figure("Outstanding", note, plots.over_time(open_, "queries", area=True))
    lengths = series.by_length(ledger)
    if lengths:
        note = "One point a query, or every so many."
        svg = plots.scatter(lengths, "prompt, tokens", "latency, ms")
        yield Figure("Latency by prompt length", note, svg)
    lanes = series.swim(ledger)
    if lanes:
        note = "Thin: until the first token. Thick: until the last."
        yield Figure(f"The first {len(lanes)} queries", note, plots.lanes(lanes))


def _cards(run: RunDir) -> Iterable[Figure]:
    try:
        found = by_card(read_samples(run.cards))
    except LogError:
        return
    for number, samples in enumerate(found.values()):
        for title, field, scale, unit in (
            ("clock", "sm_mhz", 1.0, "MHz"), ("power", "power_mw", 1e-3, "W"),
        ):  # fmt: skip
            points = series.card_series(list(samples), field, scale)
            if points:
                yield Figure(f"Card {number}: {title}", "", plots.over_time(points, unit))


def write_report(result: Result, record: SessionRecord) -> None:
    """Write report.html into the session's folder.

    Raises:
        FileExistsError: it is there already; nothing is overwritten.
    """
    write_atomic(record.folder.root / NAME, report_html(result, record))
