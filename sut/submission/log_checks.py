"""What LoadGen's logs in a tree must say; more than the official checker asks (docs/rules.md)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
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
from sut.submission.causes import causes
from sut.submission.files import says_nothing
from sut.submission.findings import Finding, Severity
from sut.submission.misnamed import alike, called, misnamed
from sut.submission.power import has_power
from sut.submission.walk import TreeEntry

AGAIN = "Run the scenario again and submit that run."
UNSET = "Leave it out of user.conf and run again."
MODEL_NAME = "Run with the benchmark's model name."

# A rule of the catalogue → how a tree's owner is told that it does not hold, and what to do.
# {key} and {bare} are LoadGen's key, {what} the check's name, {measured} and {limit} its figures.
CONTRADICTION = "The log contradicts itself: {reason}."
AS_LEFT = "Hand in the logs as LoadGen left them."
SENTENCES: dict[str, tuple[str, str]] = {
    "said-once": (CONTRADICTION, AS_LEFT),
    "loadgen-mode": (
        "{key} is {measured}; the folder is of {limit}.",
        "Put the run into the folder of its own scenario and kind.",
    ),
    "lines-in-order": ("The log is not whole: {reason}.", AS_LEFT),
    "audit-config": ("LoadGen ran under an audit.config.", AGAIN),
    "loadgen-release": (
        "LoadGen is {measured}; round {round} takes {limit}.",
        "Run again with a LoadGen of the round.",
    ),
    "loadgen-unmodified": ("LoadGen's source was changed: {measured}.", "Run with a release."),
    "logs-agree": (
        f"{SUMMARY_NAME} and {DETAIL_NAME} do not agree: {{measured}}.",
        "Hand in both as LoadGen left them.",
    ),
    "seeds": (
        "{bare} is {measured}; round {round} has {limit}.",
        "Run again with --round {round}.",
    ),
    "token-latencies": ("{key} is not set.", MODEL_NAME),
    "equal-issue": ("{key} is not set: samples are not issued equally often.", MODEL_NAME),
    "distinct-queries": ("{key} is {measured}, must be no.", UNSET),
    "sample-counts": ("{key} is {measured}; the data set has {limit}.", "Run it over all of it."),
    "min-duration-asked": ("{key} is {measured}, must be {limit} at least.", "Use profile mlperf."),
    "offline-query-size": ("{key} is {measured}, must be {limit} at least.", "Use profile mlperf."),
    "latency-percentile": ("{key} is {measured}; {scenario} has {limit}.", UNSET),
    "latency-limits-asked": ("{key} is {measured}; {scenario} has {limit}.", "Run as {model}."),
    "settings-fixed": ("{key} is {measured}, must be {limit}.", UNSET),
    "settings-taken-over": ("{key} is {measured}; LoadGen was asked for {limit}.", AS_LEFT),
    "no-errors": ("LoadGen logged {measured} errors.", AGAIN),
    "counts-agree": (CONTRADICTION, AS_LEFT),
    "min-queries": ("The run has {measured} samples, must have {limit} at least.", AGAIN),
    "min-duration": ("The run was too short: {reason}.", "Run it for the whole time."),
    "ttft": ("{what} is {measured}; {scenario} requires less than {limit}.", "{lower}"),
    "tpot": ("{what} is {measured}; {scenario} requires less than {limit}.", "{lower}"),
    "latency-constraints": ("LoadGen found its latency constraints not met.", "{lower}"),
    "early-stopping": ("Early stopping was not met.", "Lower the target, or run longer."),
    "min-queries-met": ("LoadGen found that too few queries were issued.", AGAIN),
    "loadgen-verdict": ("LoadGen's verdict is {measured}{why}.", AGAIN),
    "times-in-order": (CONTRADICTION, AS_LEFT),
    "rates-follow": (CONTRADICTION, AS_LEFT),
    "answer-length": (CONTRADICTION, AS_LEFT),
    "stamps-agree": (CONTRADICTION, AS_LEFT),
    "samples-loaded": (CONTRADICTION, AS_LEFT),
    "log-clock": (CONTRADICTION, AS_LEFT),
}
# In the order of cause (see causes.py). Those of the benchmark need its limits.
OF_BENCHMARK = frozenset(
    {
        "equal-issue",
        "sample-counts",
        "min-duration-asked",
        "offline-query-size",
        "latency-percentile",
        "latency-limits-asked",
        "counts-agree",
        "min-queries",
        "min-duration",
        "ttft",
        "tpot",
        "answer-length",
        "samples-loaded",
    }
)
OF_ACCURACY = (
    "said-once",
    "loadgen-mode",
    "lines-in-order",
    "audit-config",
    "loadgen-release",
    "loadgen-unmodified",
    "logs-agree",
    "seeds",
    "token-latencies",
    "distinct-queries",
    "sample-counts",
    "latency-limits-asked",
    "settings-fixed",
    "settings-taken-over",
    "no-errors",
    "counts-agree",
    "samples-loaded",
    "log-clock",
)
# The official checker does not ask these, and a release built by hand is no breach by itself.
WARNED = frozenset({"loadgen-unmodified"})


def performance(entry: TreeEntry) -> Iterable[Finding]:
    """The performance run of one entry."""
    path, wanted = entry.place.performance, entry.place.submission
    allowed = {*wanted.performance_files, *wanted.performance_optional, *wanted.extra_files}
    allowed |= set(wanted.power.run_files) if has_power(entry) else set()
    yield from _files(entry, path, wanted.performance_files, allowed)
    yield from _judged(entry, path, tuple(SENTENCES), PERFORMANCE)


def accuracy_run(entry: TreeEntry) -> Iterable[Finding]:
    """LoadGen's own logs of the accuracy run."""
    path, wanted = entry.place.accuracy, entry.place.submission
    allowed = {*wanted.accuracy_files, *wanted.extra_files}
    yield from _files(entry, path, wanted.accuracy_files, allowed)
    yield from _judged(entry, path, OF_ACCURACY, ACCURACY)


def _judged(entry: TreeEntry, path: Path, names: tuple[str, ...], mode: str) -> Iterable[Finding]:
    """A finding for each rule that does not hold, unless another explains it."""
    logs, problem = _read(entry, path)
    yield from problem
    if logs is None:
        return
    demands = round_demands(entry.round, entry.benchmark, entry.rules)
    asked = [name for name in names if entry.rules is not None or name not in OF_BENCHMARK]
    for group in causes(judge(asked, LogCase(logs, entry.scenario, mode, demands), mode)):
        yield _finding(entry, path, group, logs)


def _finding(entry: TreeEntry, path: Path, group: list[Check], logs: LoadGenLogs) -> Finding:
    """What one rule says, of all its conditions that do not hold."""
    told = [_told(entry, each, logs) for each in group]
    sentence = " ".join(dict.fromkeys(each[0] for each in told))
    severity: Severity = "warning" if group[0].rule in WARNED else "error"
    return replace(entry.finding(path, sentence, told[0][1], severity), rule=group[0].rule)


def _told(entry: TreeEntry, each: Check, logs: LoadGenLogs) -> tuple[str, str]:
    unit = f" {each.unit}" if each.unit == "ms" and each.rule != "min-duration-asked" else ""
    key = each.keys[0] if each.keys else each.name
    words = {
        "key": key,
        "bare": key.partition("_")[2],
        "what": each.name,
        "measured": "not measured" if each.measured is None else f"{shown(each.measured)}{unit}",
        "limit": f"{shown(each.limit)}{unit}",
        "reason": each.reason,
        "why": f": {logs.invalid_reason}" if logs.invalid_reason else "",
        "round": entry.round.name,
        "scenario": entry.scenario,
        "lower": "Lower the target rate and run again.",
        "model": entry.rules.loadgen_model if entry.rules else "the benchmark's model",
    }
    sentence, remedy = SENTENCES[each.rule]
    return sentence.format(**words), remedy.format(**words)


def _files(
    entry: TreeEntry, folder: Path, required: Collection[str], allowed: set[str]
) -> Iterable[Finding]:
    root = entry.root / folder
    if not root.exists():
        yield entry.finding(folder, "The run is missing.", "Add its logs.")
        return
    present = {path.name for path in root.glob("*")}
    for name in required:
        # A link to nowhere is present, but no file.
        if says_nothing(root / name):
            yield entry.finding(folder / name, "The file is missing or empty.", "Add it.")
    for name in sorted(present - allowed):
        if meant := misnamed(root / name, allowed) or alike(root / name, required):
            yield entry.finding(folder / name, called(meant), "Rename it.")
        elif not name.startswith("."):  # said by structure.py
            yield entry.finding(folder / name, "Nothing else may lie in this folder.", "Remove it.")


def _read(entry: TreeEntry, folder: Path) -> tuple[LoadGenLogs | None, list[Finding]]:
    root = entry.root / folder
    if any(says_nothing(root / name) for name in (DETAIL_NAME, SUMMARY_NAME)):
        return None, []  # said by _files
    try:
        return read_logs(root), []
    except LogError as error:
        return None, [entry.finding(folder, f"{error.message.rstrip('.')}.", AGAIN)]
