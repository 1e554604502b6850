"""What LoadGen's logs in a tree must say; more than the official checker asks (docs/rules.md)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sut.errors import LogError
from sut.logs.detail import DETAIL_NAME
from sut.logs.run_logs import LoadGenLogs, read_logs
from sut.logs.summary import SUMMARY_NAME
from sut.rules.case import LogCase
from sut.rules.catalogue import judge
from sut.rules.check import Check, shown
from sut.rules.demands import round_demands
from sut.rules.rule import ACCURACY, PERFORMANCE
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry

AGAIN = "Run the scenario again and submit that run."
UNSET = "Leave it out of user.conf and run again."
MODEL_NAME = "Run with the benchmark's model name."

# A rule of the catalogue → how a tree's owner is told that it does not hold, and what to do.
# {key} and {bare} are LoadGen's key, {what} the check's name, {measured} and {limit} its figures.
SENTENCES: dict[str, tuple[str, str]] = {
    "loadgen-verdict": ("LoadGen's verdict is {measured}{why}.", AGAIN),
    "no-errors": ("LoadGen logged {measured} errors.", AGAIN),
    "early-stopping": ("Early stopping was not met.", "Lower the target, or run longer."),
    "logs-agree": (
        f"{SUMMARY_NAME} and {DETAIL_NAME} do not agree: {{measured}}.",
        "Hand in both as LoadGen left them.",
    ),
    "audit-config": ("LoadGen ran under an audit.config.", AGAIN),
    "seeds": (
        "{bare} is {measured}; round {round} has {limit}.",
        "Run again with --round {round}.",
    ),
    "loadgen-mode": (
        "{key} is {measured}; the folder is of {limit}.",
        "Put the run into the folder of its own scenario and kind.",
    ),
    "token-latencies": ("{key} is not set.", MODEL_NAME),
    "equal-issue": ("{key} is not set: samples are not issued equally often.", MODEL_NAME),
    "distinct-queries": ("{key} is {measured}, must be no.", UNSET),
    "sample-counts": ("{key} is {measured}; the data set has {limit}.", "Run it over all of it."),
    "min-duration-asked": ("{key} is {measured}, must be {limit} at least.", "Use profile mlperf."),
    "offline-query-size": ("{key} is {measured}, must be {limit} at least.", "Use profile mlperf."),
    "latency-percentile": ("{key} is {measured}; {scenario} has {limit}.", UNSET),
    "ttft": ("{what} is {measured}; {scenario} requires less than {limit}.", "{lower}"),
    "tpot": ("{what} is {measured}; {scenario} requires less than {limit}.", "{lower}"),
    "latency-limits-asked": ("{key} is {measured}; {scenario} has {limit}.", "Run as {model}."),
}
# What the rules of the benchmark and of its scenario ask comes last: no limits, no question.
EVERY_RUN = ("no-errors", "logs-agree", "audit-config", "seeds", "loadgen-mode")
SETTINGS = ("token-latencies", "distinct-queries")
OF_PERFORMANCE = ("loadgen-verdict", *EVERY_RUN[:1], "early-stopping", *EVERY_RUN[1:], *SETTINGS)
OF_BENCHMARK = (
    "sample-counts",
    "min-duration-asked",
    "offline-query-size",
    "equal-issue",
    "latency-percentile",
    "ttft",
    "tpot",
    "latency-limits-asked",
)


def performance(entry: TreeEntry) -> Iterable[Finding]:
    """The performance run of one entry."""
    path, wanted = entry.place.performance, entry.place.submission
    allowed = {*wanted.performance_files, *wanted.performance_optional, *wanted.extra_files}
    yield from _files(entry, path, wanted.performance_files, allowed)
    names = (*OF_PERFORMANCE, *(OF_BENCHMARK if entry.rules is not None else ()))
    yield from _judged(entry, path, names, PERFORMANCE)


def accuracy_run(entry: TreeEntry) -> Iterable[Finding]:
    """LoadGen's own logs of the accuracy run."""
    path, wanted = entry.place.accuracy, entry.place.submission
    allowed = {*wanted.accuracy_files, *wanted.extra_files}
    yield from _files(entry, path, wanted.accuracy_files, allowed)
    counts = ("sample-counts",) if entry.benchmark is not None else ()
    yield from _judged(entry, path, (*EVERY_RUN, *SETTINGS, *counts), ACCURACY)


def _judged(entry: TreeEntry, path: Path, names: tuple[str, ...], mode: str) -> Iterable[Finding]:
    """A finding for each condition of these rules that does not hold."""
    logs, problem = _read(entry, path)
    yield from problem
    if logs is None:
        return
    demands = round_demands(entry.round, entry.benchmark, entry.rules)
    for each in judge(names, LogCase(logs, entry.scenario, mode, demands), mode):
        if not each.passed:
            yield _finding(entry, path, each, logs)


def _finding(entry: TreeEntry, path: Path, each: Check, logs: LoadGenLogs) -> Finding:
    unit = f" {each.unit}" if each.unit == "ms" and each.rule != "min-duration-asked" else ""
    key = each.keys[0] if each.keys else each.name
    words = {
        "key": key,
        "bare": key.partition("_")[2],
        "what": each.name,
        "measured": "not measured" if each.measured is None else f"{shown(each.measured)}{unit}",
        "limit": f"{shown(each.limit)}{unit}",
        "why": f": {logs.invalid_reason}" if logs.invalid_reason else "",
        "round": entry.round.name,
        "scenario": entry.scenario,
        "lower": "Lower the target rate and run again.",
        "model": entry.rules.loadgen_model if entry.rules else "the benchmark's model",
    }
    sentence, remedy = SENTENCES[each.rule]
    return entry.finding(path, sentence.format(**words), remedy.format(**words))


def _files(
    entry: TreeEntry, folder: Path, required: Iterable[str], allowed: set[str]
) -> Iterable[Finding]:
    root = entry.root / folder
    present = {path.name for path in root.glob("*")}
    for name in required:
        # A link to nowhere is present, but no file.
        if not (root / name).is_file() or not (root / name).stat().st_size:
            yield entry.finding(folder / name, "The file is missing or empty.", "Add it.")
    for name in sorted(present - allowed):
        if not name.startswith("."):  # said by structure.py
            yield entry.finding(folder / name, "Nothing else may lie in this folder.", "Remove it.")


def _read(entry: TreeEntry, folder: Path) -> tuple[LoadGenLogs | None, list[Finding]]:
    root = entry.root / folder
    if not all((root / name).is_file() for name in (DETAIL_NAME, SUMMARY_NAME)):
        return None, []  # said by _files
    try:
        return read_logs(root), []
    except LogError as error:
        return None, [entry.finding(folder, f"{error.message.rstrip('.')}.", AGAIN)]
