"""A session's folder → report.html: verdict, figures beside their limits, and what happened when.

One file that opens without a network and has no script. A pure function of the folder, as
`sut.result.build` is. Times in plots are our ledger's, counted from the issue; figures in tables
are LoadGen's unless they say otherwise.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.record.engine_load import PREEMPTIONS
from sut.record.folder import write_atomic
from sut.record.session import RunRecord, SessionRecord
from sut.report.formulas import PERCENTILE, TIMES
from sut.report.lines import causes_first, latency_of_one, unjudged, what_to_do
from sut.report.load_lines import told_by
from sut.report.page.figures import LIMITS, Figure, figures
from sut.report.page.place import Place, place
from sut.report.page.samples import Samples, samples
from sut.report.page.settings import Set, settings
from sut.report.page.sortable import Key, Sortable, as_given, largest_first, sortable
from sut.report.page.tiles import Tile, tiles
from sut.report.page.trust import Trusted, trust
from sut.report.summary import NO_MODEL, alarms_of
from sut.report.templates import template
from sut.result.schema import ReplicaShare, Result, RunResult
from sut.rules.check import Check, number, shown

NAME, TEMPLATE = "report.html", Path(__file__).parent / "page.html"
# Of each start of the engine, and of a session that ended before its time.
OF_SESSION = re.compile(r"(config|session|engine)(\.\d+)?\.(json|log)|ending\.json|traceback\.txt")
PACKAGE = Path(__file__).parents[1]
STATISTICS = ("mean", "p50", "p90", "p95", "p97", "p99", "p99_9", "max")

REPLICAS: Mapping[str, Key[ReplicaShare]] = {
    "replica": as_given,
    "samples": lambda each: largest_first(each.samples),
    "output tokens": lambda each: largest_first(each.tokens_out),
    "end": lambda each: largest_first(each.ended_before_last_s),
}
BY_LOAD: Mapping[str, Key[ReplicaShare]] = {
    "pre-emptions": lambda each: largest_first(each.engine_figures.get(PREEMPTIONS)),
}
CHECKS: Mapping[str, Key[Check]] = {
    "judgement": as_given,
    "failures": lambda each: each.passed,
    "name": lambda each: each.name.casefold(),
    "source": lambda each: each.source,
}
SETTINGS: Mapping[str, Key[Set]] = {
    "key": lambda each: each.key,
    "origin": lambda each: (each.origin is None, each.origin or ""),
}


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
    verdict: str
    passed: bool


@dataclass(frozen=True)
class Statistics:
    """One kind of time over the queries, ms."""

    name: str
    formula: str
    cells: list[str]


@dataclass(frozen=True)
class RunPage:
    """One LoadGen run as the template shows it."""

    name: str
    anchor: str
    run: RunResult
    margins: list[Margin]
    known_by: str
    tiles: list[Tile]
    figures: list[Figure]
    statistics: list[Statistics]
    trust: list[Trusted]
    place: Place | None
    replicas: Sortable[ReplicaShare]
    replicas_told: bool
    checks: Sortable[Check]
    samples: Samples | None


def report_html(result: Result, record: SessionRecord) -> str:
    """The page of one session.

    Args:
        result: as built from the folder.
        record: the same folder, read: ledgers and samples of the cards.
    """
    folders = {run.place: run for run in record.runs}
    pages = [_page(result, *each, folders) for each in _runs(result)]
    runs = [(page.name, page.run) for page in pages]
    first, follow = causes_first(result.reasons, runs)
    return template(TEMPLATE, {"figure": figure_text}).render(
        result=result, info=result.benchmark_info, runs=pages, advice=list(what_to_do(runs)),
        reasons=first, follow=follow, alarms=[each.strip(" -") for each in alarms_of(result)],
        no_model=NO_MODEL, unjudged=[] if result.valid else list(unjudged(runs)),
        ending=record.ending, statistics=[_title(name) for name in STATISTICS],
        percentile=PERCENTILE, settings=sortable(settings(result), SETTINGS),
        files=_files(record), generator=generator(),
    )  # fmt: skip


@cache
def generator() -> str:
    """What the page says made it: another version of it makes other bytes of the same files."""
    sources = sorted(each for each in PACKAGE.rglob("*") if each.suffix in (".py", ".html", ".css"))
    digest = hashlib.sha256()
    for each in sources:
        digest.update(each.relative_to(PACKAGE).as_posix().encode() + each.read_bytes())
    return f"sut.report {digest.hexdigest()[:16]}"


def is_of_this_version(page: str) -> bool:
    """Whether a page says that it was made by what would make it now."""
    return f'<meta name="generator" content="{generator()}">' in page


def _runs(result: Result) -> Iterable[tuple[Scenario, str, RunResult]]:
    yield from ((scenario, "performance", run) for scenario, run in result.scenarios.items())
    yield from ((scenario, "accuracy", run) for scenario, run in result.accuracy_runs.items())
    for scenario, tests in result.compliance_runs.items():
        yield from ((scenario, test, run) for test, run in tests.items())


def _page(
    result: Result, scenario: Scenario, kind: str, run: RunResult, records: Mapping[str, RunRecord]
) -> RunPage:
    record, performance = records.get(f"{scenario.value}/{kind}"), kind == "performance"
    name = scenario.value if performance else f"{scenario.value} {kind}"
    measured = record if performance else None
    return RunPage(
        name=name,
        anchor=name.replace(" ", "-"),
        run=run,
        margins=[_margin(each) for each in run.checks if each.rule in LIMITS.values()],
        known_by=_known_by(scenario, run),
        tiles=tiles(scenario, run) if performance else [],
        figures=[] if measured is None else list(figures(run, measured)),
        statistics=_statistics(run) if performance else [],
        trust=[] if measured is None else trust(run, measured, _others_most(result)),
        place=place(result, scenario, run),
        replicas=sortable(run.replicas, {**REPLICAS, **(BY_LOAD if told_by(run) else {})}),
        replicas_told=bool(told_by(run)),
        checks=sortable(run.checks, CHECKS),
        samples=None if record is None else samples(run, record),
    )


def _known_by(scenario: Scenario, run: RunResult) -> str:
    """What stands for limits where a run has none."""
    if run.mode == "accuracy" and run.evaluation is not None:
        return "nothing to hold its scores to"
    found = latency_of_one(scenario, run)
    return "no limit" + (f"; latency {found[0]} {figure_text(found[1])} ms" if found else "")


def _files(record: SessionRecord) -> list[str]:
    """What a session leaves beside its runs, as far as it is evidence."""
    found = (each.name for each in record.folder.root.iterdir() if each.is_file())
    return sorted(name for name in found if OF_SESSION.fullmatch(name))


def _others_most(result: Result) -> float | None:
    """The share of the processor that other programs may use, by the configuration."""
    most: float | None = result.configuration.get("validity", {}).get("others_cpu_share")
    return most


def _margin(check: Check) -> Margin:
    unit = f" {check.unit}" if check.unit else ""
    measured, limit = number(check.measured), number(check.limit)
    return Margin(
        name=check.name,
        measured="not measured" if check.measured is None else f"{_text(check.measured)}{unit}",
        limit=f"{check.comparison} {_text(check.limit)}{unit}",
        share=measured / limit if measured is not None and limit else None,
        verdict="holds" if check.passed else "does not hold" if check.judged else "not judged",
        passed=check.passed,
    )


def _text(value: Any) -> str:
    found = number(value)
    return shown(value) if found is None else figure_text(found, 6)


def _statistics(run: RunResult) -> list[Statistics]:
    rows = []
    for key, name in (("latency", "latency"), ("ttft", "TTFT"), ("tpot", "TPOT")):
        found: Any = getattr(run, key)
        if found is None:
            continue
        values = [getattr(found, f"{each}_ns") for each in STATISTICS]
        cells = ["-" if each is None else f"{each / 1e6:,.2f}" for each in values]
        rows.append(Statistics(f"{name}, ms ({found.source})", TIMES[key], cells))
    return rows


def _title(name: str) -> str:
    return name.upper().replace("_", ".") if name.startswith("p") else name


def write_report(result: Result, record: SessionRecord) -> None:
    """Write report.html into the session's folder.

    Raises:
        FileExistsError: it is there already; nothing is overwritten.
    """
    write_atomic(record.folder.root / NAME, report_html(result, record))
