"""What LoadGen's logs in a tree must say; more than the official checker asks (docs/rules.md)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sut.config.names import Scenario
from sut.config.rounds import BenchmarkRules, ScenarioRules
from sut.errors import LogError
from sut.logs.detail import DETAIL_NAME
from sut.logs.figures import Quantiles
from sut.logs.run_logs import LoadGenLogs, cross_check, read_logs
from sut.logs.summary import SUMMARY_NAME
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry

NS_PER_MS = 1_000_000
PERCENTILE = "effective_target_latency_percentile"
TOKEN_LATENCIES = "requested_use_token_latencies"
# Each makes LoadGen issue other samples, or them otherwise, than the benchmark has it.
NEVER_SET = (
    "effective_performance_issue_unique",
    "effective_performance_issue_same",
    "requested_server_coalesce_queries",
)
AGAIN = "Run the scenario again and submit that run."


def performance(entry: TreeEntry) -> Iterable[Finding]:
    """The performance run of one entry."""
    path = entry.place.performance
    wanted = entry.place.submission
    allowed = {*wanted.performance_files, *wanted.performance_optional, *wanted.extra_files}
    yield from _files(entry, path, wanted.performance_files, allowed)
    logs, problem = _read(entry, path)
    if logs is None:
        yield from problem
        return
    yield from _verdict(entry, path, logs)
    yield from _one_story(entry, path, logs)
    yield from _identity(entry, path, logs, "PerformanceOnly")
    if entry.benchmark is not None and entry.rules is not None:
        yield from _counts(entry, path, logs, entry.benchmark, entry.rules)
        yield from _latencies(entry, path, logs, entry.rules)


def accuracy_run(entry: TreeEntry) -> Iterable[Finding]:
    """LoadGen's own logs of the accuracy run."""
    path = entry.place.accuracy
    wanted = entry.place.submission
    allowed = {*wanted.accuracy_files, *wanted.extra_files}
    yield from _files(entry, path, wanted.accuracy_files, allowed)
    logs, problem = _read(entry, path)
    if logs is None:
        yield from problem
        return
    if logs.errors:
        yield _bad(entry, path, f"LoadGen logged {_errors(logs)} errors.", AGAIN)
    yield from _one_story(entry, path, logs)
    yield from _identity(entry, path, logs, "AccuracyOnly")
    if entry.benchmark is None:
        return
    values = logs.detail.values
    count = values.get("effective_accuracy_sample_count", values.get("qsl_reported_total_count"))
    if count != entry.benchmark.dataset_count:
        yield _bad(
            entry,
            path,
            f"The accuracy run covers {count} samples; the data set has "
            f"{entry.benchmark.dataset_count}.",
            "Run it over the whole data set.",
        )


def _files(
    entry: TreeEntry, folder: Path, required: Iterable[str], allowed: set[str]
) -> Iterable[Finding]:
    root = entry.root / folder
    present = {path.name for path in root.glob("*")}
    for name in required:
        # A link to nowhere is present, but no file.
        if not (root / name).is_file() or not (root / name).stat().st_size:
            yield _bad(entry, folder / name, "The file is missing or empty.", "Add it.")
    for name in sorted(present - allowed):
        if not name.startswith("."):  # said by structure.py
            yield _bad(entry, folder / name, "Nothing else may lie in this folder.", "Remove it.")


def _read(entry: TreeEntry, folder: Path) -> tuple[LoadGenLogs | None, list[Finding]]:
    root = entry.root / folder
    if not all((root / name).is_file() for name in (DETAIL_NAME, SUMMARY_NAME)):
        return None, []  # said by _files
    try:
        return read_logs(root), []
    except LogError as error:
        return None, [_bad(entry, folder, f"{error.message.rstrip('.')}.", AGAIN)]


def _verdict(entry: TreeEntry, path: Path, logs: LoadGenLogs) -> Iterable[Finding]:
    verdict = logs.result.get("result_validity")
    if verdict != "VALID":
        why = f": {logs.invalid_reason}" if logs.invalid_reason else ""
        yield _bad(entry, path, f"LoadGen's verdict is {verdict}{why}.", AGAIN)
    if logs.errors or logs.num_errors != 0:
        yield _bad(entry, path, f"LoadGen logged {_errors(logs)} errors.", AGAIN)
    if logs.figures.early_stopping_met is not True:
        yield _bad(entry, path, "Early stopping was not met.", "Lower the target, or run longer.")


def _one_story(entry: TreeEntry, path: Path, logs: LoadGenLogs) -> Iterable[Finding]:
    """Both logs print the same figures, and neither is of a compliance run."""
    differ = [f"{each.figure} ({each.summary}, {each.detail})" for each in cross_check(logs)]
    if differ:
        yield _bad(
            entry,
            path,
            f"{SUMMARY_NAME} and {DETAIL_NAME} do not agree: {', '.join(differ)}.",
            "Hand in both as LoadGen left them.",
        )
    if logs.audit_config_read:
        yield _bad(entry, path, "LoadGen ran under an audit.config.", AGAIN)


def _identity(entry: TreeEntry, path: Path, logs: LoadGenLogs, mode: str) -> Iterable[Finding]:
    rules = entry.round
    for key, wanted in rules.seeds.model_dump().items():
        found = logs.effective.get(f"effective_{key}")
        if found != wanted:
            yield _bad(
                entry,
                path,
                f"{key} is {found}; round {rules.name} has {wanted}.",
                f"Run again with --round {rules.name}.",
            )
    found = logs.effective.get("effective_test_mode")
    if found != mode:
        yield _bad(entry, path, f"LoadGen ran as {found}, not as {mode}.", "Use the right run.")
    scenario = logs.effective.get("effective_scenario")
    if entry.scenario is not None and scenario != entry.scenario.loadgen_scenario:
        yield _bad(
            entry,
            path,
            f"LoadGen ran {scenario}; the folder is {entry.scenario}.",
            "Put the run into its own scenario's folder.",
        )
    if logs.requested.get(TOKEN_LATENCIES) is not True:
        remedy = "Run with the benchmark's model name."
        yield _bad(entry, path, f"{TOKEN_LATENCIES} is not set.", remedy)
    for key in NEVER_SET:
        if (logs.effective | logs.requested).get(key):
            yield _bad(entry, path, f"{key} is set.", "Leave it out of user.conf and run again.")


def _counts(
    entry: TreeEntry,
    path: Path,
    logs: LoadGenLogs,
    benchmark: BenchmarkRules,
    rules: ScenarioRules,
) -> Iterable[Finding]:
    least = {
        "effective_performance_sample_count": benchmark.dataset_count,
        "effective_min_duration_ms": rules.min_duration_ms,
    }
    if entry.scenario is Scenario.OFFLINE:
        least["effective_samples_per_query"] = rules.min_query_count
    for key, wanted in least.items():
        found = logs.effective.get(key)
        if not isinstance(found, int | float) or found < wanted:
            yield _bad(
                entry, path, f"{key} is {found}, must be {wanted} at least.", "Use profile mlperf."
            )
    if logs.effective.get("effective_sample_concatenate_permutation") is not True:
        yield _bad(
            entry,
            path,
            "effective_sample_concatenate_permutation is not set: samples are not issued equally "
            "often.",
            "Run with the benchmark's model name.",
        )


def _latencies(
    entry: TreeEntry, path: Path, logs: LoadGenLogs, rules: ScenarioRules
) -> Iterable[Finding]:
    """TTFT and TPOT below the folder's limits, and LoadGen asked to hold these very limits.

    At the round's own percentile: LoadGen's early stopping is easier at a lower one.

    The official checker takes Interactive for Server and holds it to Server's limits.
    """
    kinds: dict[str, tuple[Quantiles, float | None]] = {
        "ttft": (logs.figures.ttft, rules.ttft_limit_ms),
        "tpot": (logs.figures.tpot, rules.tpot_limit_ms),
    }
    asked = logs.effective.get(PERCENTILE)
    if entry.scenario is not Scenario.OFFLINE and asked != rules.latency_percentile / 100:
        yield _bad(
            entry,
            path,
            f"{PERCENTILE} is {asked}; {entry.scenario} has {rules.latency_percentile / 100:g}.",
            "Leave it out of user.conf and run again.",
        )
    for kind, (quantiles, limit_ms) in kinds.items():
        if limit_ms is None:
            continue
        value_ns = quantiles.at(rules.latency_percentile)
        if value_ns is None or value_ns >= limit_ms * NS_PER_MS:
            measured = "not measured" if value_ns is None else f"{value_ns / NS_PER_MS:g} ms"
            yield _bad(
                entry,
                path,
                f"{kind.upper()} P{rules.latency_percentile:g} is {measured}; {entry.scenario} "
                f"requires less than {limit_ms:g} ms.",
                "Lower the target rate and run again.",
            )
        key = f"requested_server_{kind}_latency"
        asked = logs.requested.get(key)
        if asked != limit_ms * NS_PER_MS:
            yield _bad(
                entry,
                path,
                f"{key} is {asked} ns; {entry.scenario} has {limit_ms * NS_PER_MS:.0f} ns.",
                f"Run again as {rules.loadgen_model}.",
            )


def _errors(logs: LoadGenLogs) -> int:
    return max(sum(group.count for group in logs.errors), logs.num_errors or 0)


def _bad(entry: TreeEntry, path: Path, sentence: str, remedy: str) -> Finding:
    return entry.finding(path, sentence, remedy)
