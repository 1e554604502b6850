"""The rules that LoadGen's own log proves, for one run."""

from __future__ import annotations

from collections.abc import Iterable

from sut.logs.detail import AUDIT_MARK
from sut.logs.run_logs import significant_quantum
from sut.metrics import judged_duration_s
from sut.plan.settings import logged
from sut.report.compliance.evidence import (
    ACCURACY,
    COMPLIANCE,
    PERFORMANCE,
    RunView,
    SessionView,
)
from sut.report.compliance.rows import Part, Proof, Row, Rule, Verdict, text_of
from sut.rules.run import NS_PER_MS, SEED_KEYS

RULES = "inference_rules.adoc"
CHECKER = "submission_checker"

RELEASE = Rule(
    "loadgen-release", "LoadGen is a release of the round", f"{RULES} §5.1", "loadgen_versions"
)
UNMODIFIED = Rule(
    "loadgen-unmodified", "LoadGen was built from an unchanged source tree", f"{RULES} §5.1"
)
ONE_PROCESS = Rule(
    "one-process",
    "LoadGen ran once in a process of its own",
    "FromConfig in loadgen/test_settings_internal.cc: a second run gets no built-in settings",
)
SEEDS = Rule("seeds", "The three seeds are the round's", f"{RULES} §2.4, {CHECKER}", "seeds")
MODEL_NAME = Rule(
    "loadgen-model", "LoadGen was given the benchmark's model name", "loadgen", "loadgen_model"
)
KIND = Rule("loadgen-mode", "LoadGen ran the scenario in the mode of this run", f"{RULES} §4.1.1")
TOKENS = Rule("token-latencies", "LoadGen takes token latencies", f"{CHECKER}, loadgen/mlperf.conf")
EQUAL_ISSUE = Rule(
    "equal-issue",
    "Every sample is issued equally often (sample_concatenate_permutation)",
    "loadgen/mlperf.conf",
)
SAMPLE_COUNTS = Rule(
    "sample-counts", "LoadGen draws from the whole data set", CHECKER, "dataset_count"
)
AS_ASKED = Rule(
    "settings-as-asked",
    "Every setting in force is the one that user.conf, and audit.config where there is one, ask",
    "loadgen/test_settings_internal.cc",
)
NO_TRICKS = Rule(
    "distinct-queries",
    "No query is coalesced with another, repeated on purpose or kept unique",
    f"{RULES} §8.2",
)
NO_ERRORS = Rule("no-errors", "LoadGen's log holds no ERROR line", f"{CHECKER}, loadgen/logging.cc")
AUDIT = Rule(
    "audit-config",
    "An audit.config is in force in a compliance run and in no other",
    "compliance/README.md",
)
VALID = Rule("loadgen-verdict", "LoadGen's verdict is VALID", f"{RULES} §3")
EARLY = Rule("early-stopping", "LoadGen's early-stopping test passed", f"{RULES} App. A, {CHECKER}")
ASKED_MS = Rule(
    "min-duration-asked", "LoadGen was asked for the minimum duration", CHECKER, "min_duration_ms"
)
LASTED = Rule(
    "min-duration", "The run lasted the minimum duration", f"{RULES} §3", "min_duration_ms"
)
COUNT = Rule("min-queries", "Enough samples were issued", f"{RULES} §3", "min_query_count")
PERCENTILE = Rule(
    "latency-percentile",
    "LoadGen holds the latencies to the round's percentile",
    f"{RULES} §4.1.1",
    "latency_percentile",
)
LATENCY = {
    "TTFT": Rule("ttft", "Time to first token, P99", f"{RULES} §4.1.1", "ttft_limit_ms"),
    "TPOT": Rule("tpot", "Time per output token, P99", f"{RULES} §4.1.1", "tpot_limit_ms"),
}
LIMIT_ASKED = Rule(
    "latency-limits-asked",
    "LoadGen judged by the limits of this scenario",
    "loadgen/mlperf.conf",
    "ttft_limit_ms",
)
TEST_SETTINGS = Rule(
    "audit-settings",
    "The settings in force are those of the test's official audit.config",
    "compliance/TEST06/audit.config",
)

# compliance/TEST06/audit.config of mlcommons/inference, the same since v5.1.
OFFICIAL_AUDIT: dict[str, dict[str, int | bool]] = {
    "TEST06": {
        "effective_accuracy_log_rng_seed": 720381539243781796,
        "effective_accuracy_log_sampling_target": 100,
        "effective_min_duration_ms": 0,
        "effective_sample_concatenate_permutation": False,
    }
}
MAX_QUOTED = 5


def rows(view: SessionView, run: RunView) -> Iterable[Row]:
    """Every rule that LoadGen's log of this run speaks to."""
    yield _one_process(view, run)
    yield from _identity(run)
    yield from _settings(run)
    if run.run.mode == PERFORMANCE:
        yield from _lengths(run)
        yield from _latencies(run)
    yield _errors(run)
    yield _audit(run)
    if run.run.mode == COMPLIANCE and run.kind in OFFICIAL_AUDIT:
        wanted = OFFICIAL_AUDIT[run.kind]
        parts = [
            Part(key.removeprefix("effective_"), run.logged(key), wanted[key]) for key in wanted
        ]
        yield run.subject.combined(TEST_SETTINGS, parts, run.log(*wanted), run.problem)


def _one_process(view: SessionView, run: RunView) -> Row:
    """By LoadGen's first line and by the process ids in its log."""
    mine = run.index.process_ids
    starts = processes = shared = None
    if run.logs is not None:
        starts, processes = run.index.starts, len(mine)
        shared = sum(bool(mine & other.index.process_ids) for other in view.runs) - bool(mine)
    parts = [
        Part("runs in the log", starts, 1),
        Part("processes", processes, 1),
        Part("other runs of this process", shared, 0),
    ]
    return run.subject.combined(ONE_PROCESS, parts, run.log("loadgen_version"), run.problem)


def _identity(run: RunView) -> Iterable[Row]:
    """Which LoadGen ran, with which seeds, and as what."""
    yield _release(run)
    status = run.logged("loadgen_git_status_message")
    state = None if status is None else ("unchanged" if status == "" else str(status))
    proof = run.log("loadgen_git_status_message", "loadgen_version")
    yield run.subject.judged(UNMODIFIED, state, "==", "unchanged", proof, reason=run.problem)
    seeds = run.subject.round.seeds.model_dump()
    keys = {name: f"effective_{name}" for name in SEED_KEYS}
    parts = [Part(name, run.logged(key), seeds[name]) for name, key in keys.items()]
    yield run.subject.combined(SEEDS, parts, run.log(*keys.values()), run.problem)
    name = run.run.loadgen_model
    proof = [run.fact("loadgen_model")]
    yield run.subject.judged(MODEL_NAME, name, "==", run.rules.loadgen_model, proof)
    mode = "AccuracyOnly" if run.run.mode == ACCURACY else "PerformanceOnly"
    wanted = {
        "effective_scenario": run.scenario.loadgen_scenario,
        "effective_test_mode": mode,
    }
    parts = [Part(key.removeprefix("effective_"), run.logged(key), wanted[key]) for key in wanted]
    yield run.subject.combined(KIND, parts, run.log(*wanted), run.problem)


def _release(run: RunView) -> Row:
    first, last = run.subject.round.loadgen_versions
    version = run.logs.loadgen_version if run.logs else None
    if version is None:
        verdict = Verdict.NOT_MEASURED
    else:
        verdict = Verdict.MET if _within(version, first, last) else Verdict.NOT_MET
    return run.subject.row(
        RELEASE,
        verdict,
        required=f"{first} to {last}",
        measured=version,
        proof=run.log("loadgen_version"),
        reason=run.problem,
    )


def _within(version: str, first: str, last: str) -> bool:
    try:
        low, this, high = (
            tuple(int(part) for part in each.split(".")) for each in (first, version, last)
        )
    except ValueError:
        return False
    return low <= this <= high


def _settings(run: RunView) -> Iterable[Row]:
    """Settings that hold in every run."""
    say, count = run.subject, run.benchmark.dataset_count
    key = "requested_use_token_latencies"
    yield say.judged(TOKENS, run.logged(key), "==", True, run.log(key), reason=run.problem)
    key = "effective_sample_concatenate_permutation"
    if run.run.mode == COMPLIANCE:
        yield say.not_applicable(EQUAL_ISSUE, "the test's audit.config switches it off")
    else:
        yield say.judged(EQUAL_ISSUE, run.logged(key), "==", True, run.log(key), reason=run.problem)
    keys = ["qsl_reported_total_count"]
    accuracy = run.run.mode == ACCURACY
    keys.append(f"effective_{'accuracy' if accuracy else 'performance'}_sample_count")
    if run.logged(keys[-1]) is None and accuracy:
        keys.pop()  # LoadGen logs it from 6.0.6 on; the checker then takes the total
    parts = [Part(key.removeprefix("effective_"), run.logged(key), count) for key in keys]
    yield say.combined(SAMPLE_COUNTS, parts, run.log(*keys), run.problem)
    yield _as_asked(run)
    names = ["effective_performance_issue_unique", "effective_performance_issue_same"]
    if run.scenario.loadgen_scenario == "Server":
        names.append("requested_server_coalesce_queries")
    parts = [Part(name.partition("_")[2], run.logged(name), False) for name in names]
    yield say.combined(NO_TRICKS, parts, run.log(*names), run.problem)


def _as_asked(run: RunView) -> Row:
    """All expected settings in one row; those that differ are named."""
    expected = run.run.expected_settings
    parts = [
        Part(key, run.logged(key), wanted, as_logged=True)
        for key, wanted in sorted(expected.items())
    ]
    wrong = [part for part in parts if part.verdict is not Verdict.MET]
    if wrong:
        keys = [part.name for part in wrong]
        proof = [*run.log(*keys), *(run.fact("expected_settings", key) for key in keys)]
        return run.subject.combined(AS_ASKED, wrong, proof, run.problem)
    verdict = Verdict.MET if parts else Verdict.NOT_MEASURED
    text = f"{len(parts)} of {len(parts)} settings" if parts else None
    return run.subject.row(
        AS_ASKED,
        verdict,
        required="every expected setting of run.json",
        measured=text,
        proof=[run.fact("expected_settings")],
    )


def _lengths(run: RunView) -> Iterable[Row]:
    """Verdict, duration, counts, early stopping: performance runs only."""
    say, why = run.subject, run.problem
    key = "result_validity"
    yield say.judged(VALID, run.logged(key), "==", "VALID", run.log(key), reason=why)
    least = run.rules.min_duration_ms
    key = "effective_min_duration_ms"
    asked = run.logged(key)
    yield say.judged(ASKED_MS, asked, ">=", least, run.log(key), unit="ms", reason=why)
    count = run.logs.sample_count if run.logs else None
    figures = run.logs.figures if run.logs else None
    lasted_s = judged_duration_s(run.run.scenario, figures, count) if figures else None
    key = "result_min_duration_met"
    # LoadGen judges whole nanoseconds; Offline's duration here comes from a rate of 6 digits.
    slack = significant_quantum(lasted_s) if lasted_s else 0.0
    parts = [
        Part("seconds", lasted_s, least / 1000, ">=", slack),
        Part("met", run.logged(key), True),
    ]
    proof = run.log(key, "generated_query_duration", "result_max_latency_ns")
    yield say.combined(LASTED, parts, proof, why)
    key = "result_min_queries_met"
    least = run.rules.min_query_count
    parts = [Part("samples", count, least, ">="), Part("met", run.logged(key), True)]
    proof = run.log(key, "result_query_count", "generated_samples_per_query")
    yield say.combined(COUNT, parts, proof, why)
    key = "early_stopping_met"
    yield say.judged(EARLY, run.logged(key), "==", True, run.log(key), reason=why)


def _latencies(run: RunView) -> Iterable[Row]:
    """P99 strictly below the limits of this scenario, by LoadGen's figures and for LoadGen."""
    say, rules, why = run.subject, run.rules, run.problem
    limits = {"TTFT": rules.ttft_limit_ms, "TPOT": rules.tpot_limit_ms}
    keys = {
        "TTFT": f"result_first_token_{rules.latency_percentile:.2f}_percentile_latency_ns",
        "TPOT": f"result_time_per_output_token_{rules.latency_percentile:.2f}_percentile_ns",
    }
    asked, proofs = [], []
    for kind, limit in limits.items():
        if limit is None:
            reason = f"the round sets no {kind} limit for {run.scenario}"
            yield say.not_applicable(LATENCY[kind], reason)
            continue
        measured = _milliseconds(run.logged(keys[kind]))
        proof = run.log(keys[kind])
        yield say.judged(LATENCY[kind], measured, "<", limit, proof, unit="ms", reason=why)
        key = f"requested_server_{kind.lower()}_latency"
        asked.append(Part(f"{kind} ns", run.logged(key), int(limit * NS_PER_MS)))
        proofs.append(key)
    if asked:
        yield say.combined(LIMIT_ASKED, asked, run.log(*proofs), why)
        key, wanted = "effective_target_latency_percentile", logged(rules.latency_percentile / 100)
        yield say.judged(PERCENTILE, run.logged(key), ">=", wanted, run.log(key), reason=why)


def _milliseconds(value_ns: object) -> float | None:
    return value_ns / NS_PER_MS if isinstance(value_ns, int | float) else None


def _errors(run: RunView) -> Row:
    """ERROR lines do not change LoadGen's verdict, so they are counted here."""
    if run.logs is None:
        return run.subject.judged(NO_ERRORS, None, "==", 0, [], unit="lines", reason=run.problem)
    lines = sum(group.count for group in run.logs.errors)
    total = max(lines, run.logs.num_errors or 0)
    proof: list[Proof] = [
        run.line(group.first_line, group.first_text) for group in run.logs.errors[:MAX_QUOTED]
    ]
    proof += run.log("num_errors")
    if not total:
        proof += run.no_line("is an ERROR")
    # A log that breaks off might have gone on to say more.
    measured = None if run.logs.incomplete and not total else total
    return run.subject.judged(NO_ERRORS, measured, "==", 0, proof, unit="lines", reason=run.problem)


def _audit(run: RunView) -> Row:
    """LoadGen says itself that it read one; we say which file it was given."""
    wanted = run.run.mode == COMPLIANCE
    if run.logs is None:
        read, proof = None, []
    else:
        read = run.logs.audit_config_read
        found = [group for group in run.logs.warnings if AUDIT_MARK in group.text]
        proof = [run.line(group.first_line, group.first_text) for group in found]
        proof = proof or run.no_line(f"says {AUDIT_MARK!r}")
    given = run.run.audit_config is not None
    parts = [Part("read by LoadGen", read, wanted), Part("given by us", given, wanted)]
    proof = [*proof, run.fact("audit_config"), run.fact("audit_config_sha256")]
    return run.subject.combined(AUDIT, parts, proof, run.problem or _which(run))


def _which(run: RunView) -> str | None:
    sha256 = run.run.audit_config_sha256
    return f"audit.config SHA-256 {text_of(sha256)}" if sha256 else None
