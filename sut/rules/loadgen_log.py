"""The rules that LoadGen's own logs prove, for a run of ours or a folder of anybody's tree."""

from __future__ import annotations

from collections.abc import Iterable

from sut.config.names import Scenario
from sut.logs.figures import PERCENTILE_FIELDS, Quantiles
from sut.logs.run_logs import cross_check, significant_quantum
from sut.rules.case import LogCase
from sut.rules.check import Check, check, number, same_setting
from sut.rules.rule import ACCURACY, COMPLIANCE, PERFORMANCE, Book, Ground

RULES = "inference_rules.adoc"
CHECKER = "submission_checker"
CONF = "loadgen/mlperf.conf"
LOG = "LoadGen, mlperf_log_detail.txt"
MEASURED = (PERFORMANCE,)

SEED_KEYS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
# What LoadGen says of a sample that was completed without an answer (logging.cc).
TOKEN_ERRORS = ("n_tokens argument missing", "Number of tokens need to be greater than 1")
PERCENTILE_KEYS = {
    "TTFT": "result_first_token_{}_percentile_latency_ns",
    "TPOT": "result_time_per_output_token_{}_percentile_ns",
}
NS_PER_MS = 1e6

LOG_RULES: Book[LogCase] = Book(Ground.LOADGEN)


@LOG_RULES.rule("loadgen-verdict", "LoadGen's verdict is VALID", f"{RULES} §3", modes=MEASURED)
def loadgen_verdict(case: LogCase) -> Iterable[Check]:
    """By LoadGen's own conditions; the rules below hold these to what is asked."""
    valid, keys = case.figures.valid, ("result_validity",)
    verdict = None if valid is None else ("VALID" if valid else "INVALID")
    yield check("LoadGen's verdict", verdict, "==", "VALID", LOG, keys=keys)


@LOG_RULES.rule(
    "min-duration",
    "The run lasted the minimum duration",
    f"{RULES} §3",
    "min_duration_ms",
    MEASURED,
)
def min_duration(case: LogCase) -> Iterable[Check]:
    """By our own reckoning of what LoadGen judged, and by its flag."""
    least_s, lasted_s = case.demands.min_duration_s, case.lasted_s
    enough = False
    if lasted_s is not None and least_s is not None:
        # LoadGen judges whole nanoseconds; our duration may come from a rate of 6 digits.
        enough = lasted_s + significant_quantum(lasted_s) >= least_s
    keys = ("generated_query_duration", "result_max_latency_ns")
    yield check("duration", lasted_s, ">=", least_s, LOG, unit="s", keys=keys, holds=enough)
    met, key = case.figures.min_duration_met, "result_min_duration_met"
    yield check("LoadGen: minimum duration", met, "==", True, LOG, keys=(key,))


@LOG_RULES.rule(
    "min-duration-asked",
    "LoadGen was asked for the minimum duration",
    CHECKER,
    "min_duration_ms",
    MEASURED,
)
def min_duration_asked(case: LogCase) -> Iterable[Check]:
    """The setting in force."""
    key, least_s = "effective_min_duration_ms", case.demands.min_duration_s
    name, asked = "minimum duration asked of LoadGen", number(case.logged(key))
    least_ms = None if least_s is None else least_s * 1000
    yield check(name, asked, ">=", least_ms, LOG, unit="ms", keys=(key,))


@LOG_RULES.rule(
    "min-queries", "Enough samples were issued", f"{RULES} §3", "min_query_count", MEASURED
)
def min_queries(case: LogCase) -> Iterable[Check]:
    """Samples and not queries: Offline's one query holds them all."""
    count, least = case.sample_count, case.demands.min_samples
    keys = ("result_query_count", "generated_samples_per_query")
    yield check("samples", count, ">=", least, LOG, unit="samples", keys=keys)


@LOG_RULES.rule(
    "min-queries-met", "LoadGen found that enough queries were issued", f"{RULES} §3",
    modes=MEASURED,
)  # fmt: skip
def min_queries_met(case: LogCase) -> Iterable[Check]:
    """LoadGen's own flag."""
    met, keys = case.figures.min_queries_met, ("result_min_queries_met",)
    yield check("LoadGen: minimum queries", met, "==", True, LOG, keys=keys)


@LOG_RULES.rule(
    "offline-query-size",
    "Offline's query holds the least number of samples",
    CHECKER,
    "min_query_count",
    MEASURED,
)
def offline_query_size(case: LogCase) -> Iterable[Check]:
    """What the official checker looks at instead of the samples issued."""
    if case.scenario is Scenario.OFFLINE:
        key, least = "effective_samples_per_query", case.demands.min_samples
        yield check(key, number(case.logged(key)), ">=", least, CHECKER, keys=(key,))


@LOG_RULES.rule(
    "early-stopping", "LoadGen's early-stopping test passed", f"{RULES} App. A, {CHECKER}",
    modes=MEASURED,
)  # fmt: skip
def early_stopping(case: LogCase) -> Iterable[Check]:
    """LoadGen never names it in its reason for INVALID."""
    met, keys = case.figures.early_stopping_met, ("early_stopping_met",)
    yield check("LoadGen: early stopping", met, "==", True, LOG, keys=keys)


@LOG_RULES.rule(
    "latency-constraints",
    "LoadGen found the latencies below the limits that it was given",
    "loadgen/results.cc",
    modes=MEASURED,
)
def latency_constraints(case: LogCase) -> Iterable[Check]:
    """LoadGen's own flag; only its Server scenario has limits."""
    if case.like_server:
        met, keys = case.figures.performance_constraints_met, ("result_perf_constraints_met",)
        yield check("LoadGen: latency constraints", met, "==", True, LOG, keys=keys)


@LOG_RULES.rule("ttft", "Time to first token, P99", f"{RULES} §4.1.1", "ttft_limit_ms", MEASURED)
def ttft(case: LogCase) -> Iterable[Check]:
    """Strictly below its limit."""
    return _percentile(case, "TTFT", case.figures.ttft)


@LOG_RULES.rule("tpot", "Time per output token, P99", f"{RULES} §4.1.1", "tpot_limit_ms", MEASURED)
def tpot(case: LogCase) -> Iterable[Check]:
    """Strictly below its limit."""
    return _percentile(case, "TPOT", case.figures.tpot)


def _percentile(case: LogCase, kind: str, quantiles: Quantiles) -> Iterable[Check]:
    demands = case.demands
    limit_ms, percentile = demands.latency_limits_ms[kind], demands.percentile
    if limit_ms is None or percentile is None:
        return
    name, printed = f"{kind} P{percentile:g}", f"{percentile:.2f}"
    if printed not in PERCENTILE_FIELDS and not quantiles.empty:
        # LoadGen prints fixed percentiles only; of any other it tells whether it held.
        met, keys = case.figures.performance_constraints_met, ("result_perf_constraints_met",)
        name = f"{name} (not printed; LoadGen's constraint at {limit_ms:g} ms)"
        yield check(name, met, "==", True, demands.origin, keys=keys)
        return
    value = quantiles.at(percentile)
    measured = None if value is None else value / NS_PER_MS
    keys = (PERCENTILE_KEYS[kind].format(printed),)
    yield check(name, measured, "<", limit_ms, demands.origin, unit="ms", keys=keys)


@LOG_RULES.rule(
    "latency-percentile",
    "LoadGen holds the latencies to the round's percentile",
    f"{RULES} §4.1.1",
    "latency_percentile",
    MEASURED,
)
def latency_percentile(case: LogCase) -> Iterable[Check]:
    """Early stopping is easier at a lower one, so every scenario with a percentile is asked."""
    percentile = case.demands.percentile
    if percentile is None or case.scenario is Scenario.OFFLINE:
        return
    key, wanted = "effective_target_latency_percentile", percentile / 100
    asked, origin = case.logged(key), case.demands.origin
    alike = same_setting(wanted, asked)
    yield check(key, asked, "==", wanted, origin, keys=(key,), holds=alike)


@LOG_RULES.rule(
    "latency-p99",
    "The end-to-end latency, P99, is within the limit that the configuration sets",
    "a limit of our own; the round has none",
    modes=MEASURED,
)
def latency_p99(case: LogCase) -> Iterable[Check]:
    """Where one is set."""
    limit_ms, p99_ns = case.demands.latency_p99_limit_ms, case.figures.latency.p99_ns
    if limit_ms is not None:
        p99_ms = None if p99_ns is None else p99_ns / NS_PER_MS
        keys = ("result_99.00_percentile_latency_ns",)
        yield check("latency P99", p99_ms, "<=", limit_ms, "configuration", unit="ms", keys=keys)


@LOG_RULES.rule("no-errors", "LoadGen's log holds no ERROR line", f"{CHECKER}, loadgen/logging.cc")
def no_errors(case: LogCase) -> Iterable[Check]:
    """ERROR lines leave LoadGen's verdict as it is; quick allows those of failed samples."""
    total, explained = _error_lines(case), case.demands.error_lines
    yield check("LoadGen errors", total, "==", explained, LOG, unit="lines", keys=("num_errors",))


@LOG_RULES.rule(
    "no-other-errors",
    "LoadGen's log holds no ERROR line but those of failed samples",
    "loadgen/logging.cc",
)
def no_other_errors(case: LogCase) -> Iterable[Check]:
    """What no failed sample explains is allowed in no profile."""
    total, others = _error_lines(case), None
    if total is not None and case.logs is not None:
        groups = case.logs.errors
        others = total - sum(g.count for g in groups if g.text.startswith(TOKEN_ERRORS))
    name, keys = "LoadGen errors about anything but tokens", ("num_errors",)
    yield check(name, others, "==", 0, LOG, unit="lines", keys=keys)


def _error_lines(case: LogCase) -> int | None:
    """The lines, or LoadGen's count where that is more; None where the log might hold more."""
    logs = case.logs
    if logs is None:
        return None
    counted = max(sum(group.count for group in logs.errors), logs.num_errors or 0)
    # An accuracy run's log has no count of LoadGen's own.
    silent = logs.incomplete or (case.mode == PERFORMANCE and logs.num_errors is None)
    return None if silent and not counted else counted


@LOG_RULES.rule("seeds", "The three seeds are the round's", f"{RULES} §2.4, {CHECKER}", "seeds")
def seeds(case: LogCase) -> Iterable[Check]:
    """Those in force, as integers: some exceed 2**63."""
    origin = f"round {case.demands.round_name}"
    for name in SEED_KEYS:
        key, wanted = f"effective_{name}", case.demands.seeds.get(name)
        yield check(key, case.logged(key), "==", wanted, origin, keys=(key,))


@LOG_RULES.rule(
    "loadgen-release", "LoadGen is a release of the round", f"{RULES} §5.1", "loadgen_versions"
)
def loadgen_release(case: LogCase) -> Iterable[Check]:
    """One of those that have the round's seeds."""
    releases, origin = case.demands.releases, f"round {case.demands.round_name}"
    version = case.logs.loadgen_version if case.logs else None
    span = " to ".join(releases) if releases else None
    inside, keys = _within(version, releases), ("loadgen_version",)
    yield check("LoadGen release", version, "==", span, origin, keys=keys, holds=inside)


def _within(version: str | None, releases: tuple[str, str] | None) -> bool:
    try:
        first, last = (_release(each) for each in releases or ())
        return version is not None and first <= _release(version) <= last
    except ValueError:
        return False


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@LOG_RULES.rule(
    "loadgen-unmodified", "LoadGen was built from an unchanged source tree", f"{RULES} §5.1"
)
def loadgen_unmodified(case: LogCase) -> Iterable[Check]:
    """By the state of the source tree that LoadGen's build wrote into it."""
    key = "loadgen_git_status_message"
    status = case.logged(key)
    state = None if status is None else ("unchanged" if status == "" else str(status))
    yield check("LoadGen's source", state, "==", "unchanged", LOG, keys=(key, "loadgen_version"))


@LOG_RULES.rule(
    "loadgen-mode", "LoadGen ran the scenario in the mode of this run", f"{RULES} §4.1.1"
)
def loadgen_mode(case: LogCase) -> Iterable[Check]:
    """A log of another scenario, or of another kind of run, proves nothing."""
    wanted = {"effective_test_mode": "PerformanceOnly"}
    if case.mode == ACCURACY:
        wanted = {"effective_test_mode": "AccuracyOnly"}
    if case.scenario is not None:
        wanted = {"effective_scenario": case.scenario.loadgen_scenario} | wanted
    for key, value in wanted.items():
        yield check(key, case.logged(key), "==", value, "run.json", keys=(key,))


@LOG_RULES.rule("token-latencies", "LoadGen takes token latencies", f"{CHECKER}, {CONF}")
def token_latencies(case: LogCase) -> Iterable[Check]:
    """Without them LoadGen measures no TTFT and no TPOT."""
    key = "requested_use_token_latencies"
    yield check(key, case.logged(key), "==", True, CONF, keys=(key,))


@LOG_RULES.rule(
    "equal-issue",
    "Every sample is issued equally often (sample_concatenate_permutation)",
    CONF,
    modes=(PERFORMANCE, ACCURACY),
)
def equal_issue(case: LogCase) -> Iterable[Check]:
    """TEST06's audit.config switches it off."""
    key = "effective_sample_concatenate_permutation"
    yield check(key, case.logged(key), "==", True, CONF, keys=(key,))


@LOG_RULES.rule("sample-counts", "LoadGen draws from the whole data set", CHECKER, "dataset_count")
def sample_counts(case: LogCase) -> Iterable[Check]:
    """LoadGen logs an accuracy run's count from 6.0.6 on; the checker takes the total before."""
    kind = "accuracy" if case.mode == ACCURACY else "performance"
    keys = ["qsl_reported_total_count", f"effective_{kind}_sample_count"]
    if case.mode == ACCURACY and case.logged(keys[-1]) is None:
        keys.pop()
    for key in keys:
        wanted, origin = case.demands.dataset_count, case.demands.origin
        yield check(key, case.logged(key), "==", wanted, origin, keys=(key,))


@LOG_RULES.rule(
    "settings-as-asked",
    "Every setting in force is the one that user.conf, and audit.config where there is one, ask",
    "loadgen/test_settings_internal.cc",
)
def settings_as_asked(case: LogCase) -> Iterable[Check]:
    """Each that follows from the rules, the configuration and the audit.config."""
    settings, name = case.demands.settings, "settings that follow from the configuration"
    source = "rules and configuration"
    keys = tuple(sorted(settings))
    yield check(name, len(settings) or None, ">=", 1, source, unit="settings", keys=keys)
    for key, wanted in sorted(settings.items()):
        logged = case.logged(key)
        alike = same_setting(wanted, logged)
        yield check(key, logged, "==", wanted, source, keys=(key,), holds=alike)


@LOG_RULES.rule(
    "distinct-queries",
    "No query is coalesced with another, repeated on purpose or kept unique",
    f"{RULES} §8.2",
)
def distinct_queries(case: LogCase) -> Iterable[Check]:
    """Each of these makes LoadGen issue other samples, or otherwise, than the benchmark does."""
    keys = ["effective_performance_issue_unique", "effective_performance_issue_same"]
    if case.like_server:
        keys.append("requested_server_coalesce_queries")
    for key in keys:
        yield check(key, case.logged(key), "==", False, f"{RULES} §8.2", keys=(key,))


@LOG_RULES.rule(
    "audit-config",
    "An audit.config is in force in a compliance run and in no other",
    "compliance/README.md",
)
def audit_config(case: LogCase) -> Iterable[Check]:
    """LoadGen says itself that it read one."""
    read = case.logs.audit_config_read if case.logs else None
    wanted, source = case.mode == COMPLIANCE, "mlperf_log_detail.txt"
    yield check("audit.config read by LoadGen", read, "==", wanted, source)


@LOG_RULES.rule(
    "logs-agree",
    "LoadGen's summary and detail log print the same figures",
    "loadgen/results.cc, which prints both",
)
def logs_agree(case: LogCase) -> Iterable[Check]:
    """To the last digit printed."""
    measured: str | None = None
    keys: tuple[str, ...] = ()
    if case.logs is not None and case.logs.summary is not None:
        found = cross_check(case.logs)
        keys = tuple(each.key for each in found if each.key)
        measured = ", ".join(f"{d.figure} ({d.summary}, {d.detail})" for d in found) or "none"
    name = "figures on which LoadGen's summary and detail log differ"
    source = "mlperf_log_summary.txt against mlperf_log_detail.txt"
    yield check(name, measured, "==", "none", source, keys=keys)
