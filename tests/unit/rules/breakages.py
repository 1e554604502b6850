"""One broken fact each, by the id of the rule that it must fail: the cases of test_catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sut.record.folder import sha256_of
from tests.unit.result.obey import obey, plan_of
from tests.unit.result.sessions import (
    dump,
    edit,
    edit_ledger,
    log_answers,
    make_session,
    rewrite_log,
)
from tests.unit.rules.broken_answers import BROKEN_ANSWERS
from tests.unit.rules.broken_lines import BROKEN_LINES
from tests.unit.rules.broken_record import BROKEN_RECORD, BUSY
from tests.unit.rules.changes import (
    Change,
    another_session,
    answer_for_long,
    clock_json,
    config_json,
    detail_value,
    drop_hash,
    extra_line,
    fail_one,
    forget_last,
    json_file,
    leave_one_open,
    ledger_json,
    more_in_user_conf,
    overwrite_trace,
    profile,
    row,
    run_json,
    session_json,
    shift,
    stated_otherwise,
)

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"

FOLDERS = {
    "offline": "Offline/performance",
    "server": "Server/performance",
    "server_with_errors": "Server/performance",
    "interactive": "Interactive/performance",
    "singlestream": "SingleStream/performance",
    "accuracy": "Offline/accuracy",
    "compliance": "Server/TEST06",
}


def whole(parent: Path, name: str, **config: Any) -> Path:
    """A session of one whole run; compliance: a Server recording passed off as one."""
    if name != "compliance":
        return make_session(parent, name, **config)
    root = make_session(parent, "server", mode="compliance", compliance={"tests": ["TEST06"]})
    folder = (root / FOLDERS["server"]).rename(root / FOLDERS[name])
    edit(folder / "run.json", mode="compliance", test="TEST06", audit_config="audit.config")
    extra_line("warning_generic_message", AUDIT, "warning")(folder)
    obey(folder, plan_of(root, "Server", "TEST06"))
    count = "No warnings encountered during test."
    rewrite_log(folder, SUMMARY, lambda text: text.replace(count, "1 warning encountered."))
    log_answers(folder, range(0, 200, 2))
    good = BROKEN | {"measured": 0, "passed": True}
    verdict = {"test": "TEST06", "checks": [good], "passed": True}
    log_sha256 = sha256_of(folder / "mlperf_log_accuracy.json")
    dump(folder / "verification.json", verdict | {"log_sha256": log_sha256})
    return root


AUDIT = "Found Audit Config file (audit.config). Overriding TestSettings from audit.config file."
LOW = {"name": "GEN_LEN", "value": 89.9, "target": 90.0, "upper_limit": None, "passed": None}
ANOTHER = {"tokenizer_sha256": "7" * 64, "dataset_sha256": "0" * 64, "own": False}
BROKEN = {
    "name": "TEST06 one end", "measured": 2, "limit": 0, "comparison": "==", "unit": None,
    "source": "x", "passed": False,
}  # fmt: skip
ENDED_WITH_3 = {"finish_reason": "stop", "last_token": 0, "answer_crc": 0}
WARMUP = {"requested": 10, "succeeded": 9, "duration_s": 1.0, "failures": ["late"]}

AGREE = ("logs-agree",)
OTHER = ("same-loadgen",)


def others_of_mlperf(folder: Path) -> None:
    """The profile that asks for a machine of its own, and other programs on it."""
    profile("mlperf")(folder)
    run_json(surroundings=BUSY)(folder)


# The rule that fails, the recording, what is broken in it, and what fails with the rule: no others.
BREAKAGES: list[tuple[str, str, Change, tuple[str, ...]]] = [
    *BROKEN_ANSWERS,
    *BROKEN_LINES,
    *BROKEN_RECORD,
    ("run-ended", "server", run_json(loadgen_returned=False, loadgen_exit="ended"), ()),
    ("run-ended", "server", run_json(loadgen_returned=False), ()),
    ("run-ended", "server", run_json(loadgen_exit="LoadGen's process was ended by SIGSEGV"), ()),
    ("run-ended", "server", run_json(engine_failure="worker died"), ()),
    ("run-ended", "server", run_json(interrupted=True), ()),
    (
        "undisturbed",
        "server",
        others_of_mlperf,
        ("sealed-values", "min-duration", "min-duration-asked", "user-conf"),
    ),
    ("warm-up", "server", session_json(warmup=WARMUP), ()),
    ("warm-up", "server", session_json(warmup=None), ()),
    ("warm-up", "server", session_json(warmup=WARMUP | {"requested": 12, "succeeded": 10}), ()),
    (
        "settings-recorded",
        "server",
        run_json(expected_settings={"requested_use_token_latencies": 1}),
        (),
    ),
    ("loadgen-verdict", "server", detail_value("result_validity", '"INVALID"'), ("logs-agree",)),
    ("min-duration", "server", detail_value("result_min_duration_met", "false"), ("logs-agree",)),
    ("min-queries-met", "server", detail_value("result_min_queries_met", "false"), ("logs-agree",)),
    ("early-stopping", "server", detail_value("early_stopping_met", "false"), ("logs-agree",)),
    (
        "latency-constraints",
        "server",
        detail_value("result_perf_constraints_met", "false"),
        ("logs-agree",),
    ),
    ("min-duration", "server", config_json("server", min_duration_s=1.5), ()),
    (
        "min-duration-asked",
        "server",
        detail_value("effective_min_duration_ms", "999"),
        ("settings-as-asked", "logs-agree"),
    ),
    (
        "min-duration",
        "offline",
        config_json("offline", min_duration_s=0.008),
        (),
    ),
    ("min-queries", "offline", config_json("offline", min_query_count=193), ()),
    ("min-queries", "singlestream", config_json("single_stream", min_query_count=193), ()),
    ("ttft", "server", config_json("server", ttft_limit_ms=1.0), ()),
    ("tpot", "server", config_json("server", tpot_limit_ms=0.1), ("latency-limits-asked",)),
    (
        "latency-limits-asked",
        "interactive",
        detail_value("requested_server_tpot_latency", "31000000"),
        ("settings-as-asked", "logs-agree"),
    ),
    ("latency-p99", "server", config_json("server", e2e_p99_limit_ms=5), ()),
    ("no-errors", "server", lambda folder: edit_ledger(folder, fail_one), ("rates-agree",)),
    (
        "samples-ended",
        "server",
        lambda folder: edit_ledger(folder, leave_one_open),
        ("rates-agree", "two-clocks"),
    ),
    ("no-failures", "server_with_errors", config_json("validity", min_success_rate=0.995), ()),
    (
        "same-samples",
        "server",
        lambda folder: edit_ledger(folder, forget_last),
        ("rates-agree", "trace-agrees"),
    ),
    # The ledger's counts are judged by, so run.json's change no other verdict.
    ("ledger-as-counted", "server", ledger_json(issued=241), ()),
    ("ledger-as-counted", "server", ledger_json(succeeded=239, empty=1), ()),
    ("ledger-as-counted", "server_with_errors", ledger_json(failed=0, succeeded=479), ()),
    ("ledger-as-counted", "server", ledger_json(tokens_out=10859), ()),
    ("ledger-as-counted", "server", ledger_json(first_issue_ns=0), ()),
    ("ledger-as-counted", "server", ledger_json(finish_reasons={"length": 240}), ()),
    ("ledger-as-counted", "server", ledger_json(replicas=[]), ()),
    (
        "ledger-as-counted",
        "server",
        lambda folder: (folder / "ledger.parquet").unlink(),
        (
            "longest-answer",
            "files-unchanged",
            "rates-agree",
            "clock-steady",
            "two-clocks",
            "no-failures",
            "same-samples",
            "samples-ended",
            "ledger-in-order",
            "answers-end",
            "answers-logged",
            "trace-agrees",
        ),
    ),
    (
        "no-errors",
        "server",
        extra_line("error_runtime", "Attempted to complete a sample twice.", "error"),
        ("no-other-errors", "logs-agree"),
    ),
    ("no-errors", "server", detail_value("num_errors", "1"), ("no-other-errors",)),
    (
        "no-errors",
        "server_with_errors",
        row(17, state="succeeded", failure=None, tokens_out=3, **ENDED_WITH_3),
        ("rates-agree", "ledger-in-order"),
    ),
    ("settings-recorded", "server", run_json(expected_settings={}), ()),
    ("settings-recorded", "server", run_json(expected_settings={"effective_unheard_of": 1}), ()),
    ("settings-as-asked", "server", detail_value("effective_target_qps", "201"), AGREE),
    (
        "settings-as-asked",
        "server",
        detail_value("effective_max_duration_ms", "1"),
        ("logs-agree",),
    ),
    ("of-session", "server", another_session(session_id="6" * 32), ()),
    ("of-session", "server", another_session(config_sha256="6" * 64), ()),
    ("of-session", "server", another_session(facts_sha256="6" * 64), ()),
    ("user-conf", "server", more_in_user_conf, ()),
    ("loadgen-model", "server", run_json(loadgen_model="llama3.1-8b"), ()),
    (
        "seeds",
        "server",
        detail_value("effective_qsl_rng_seed", "2085463073848966841"),
        ("logs-agree", "settings-as-asked"),
    ),
    (
        "seeds",
        "server",
        detail_value("effective_sample_index_rng_seed", "1"),
        ("logs-agree", "settings-as-asked"),
    ),
    (
        "seeds",
        "server",
        detail_value("effective_schedule_rng_seed", "16159082839903945000"),
        ("logs-agree", "settings-as-asked"),
    ),
    ("loadgen-release", "server", detail_value("loadgen_version", '"6.0.15 @ abc"'), OTHER),
    ("loadgen-release", "server", detail_value("loadgen_version", '"6.0.18 @ abc"'), OTHER),
    ("loadgen-release", "server", detail_value("loadgen_version", '"unknown"'), OTHER),
    (
        "logs-whole",
        "accuracy",
        detail_value("effective_test_mode", '"PerformanceOnly"'),
        ("no-errors", "no-other-errors", "loadgen-mode", "settings-as-asked"),
    ),
    ("files-unchanged", "server", overwrite_trace, ("trace-agrees",)),
    ("files-unchanged", "server", drop_hash, ()),
    (
        "audit-config",
        "server",
        extra_line("warning_generic_message", AUDIT, "warning"),
        ("logs-agree",),
    ),
    (
        "longest-answer",
        "server",
        lambda folder: edit_ledger(folder, answer_for_long),
        ("rates-agree", "answers-end"),
    ),
    ("run-ended", "server", run_json(incidents=["replica 1 was lost"]), ()),
    ("audit-config-given", "server", run_json(audit_config="audit.config"), ()),
    (
        "prefix-cache-hits",
        "server",
        run_json(engine_counters={"r0.prefix_cache_hit_tokens": 16.0}),
        (),
    ),
    (
        "rates-agree",
        "server",
        detail_value("result_completed_tokens_per_second", "1086.48"),
        ("logs-agree",),
    ),
    (
        "rates-agree",
        "server",
        detail_value("result_completed_samples_per_sec", "197.356"),
        ("logs-agree", "two-clocks"),
    ),
    ("rates-agree", "offline", detail_value("result_tokens_per_second", "142300"), ("logs-agree",)),
    ("rates-agree", "offline", detail_value("result_samples_per_second", "25900"), ("logs-agree",)),
    (
        "times-in-order",
        "server",
        detail_value("result_90.00_percentile_latency_ns", "1000000000"),
        ("logs-agree",),
    ),
    (
        "times-in-order",
        "server",
        detail_value("result_mean_latency_ns", "1"),
        ("logs-agree", "two-clocks"),
    ),
    (
        "times-in-order",
        "server",
        detail_value("result_time_to_output_token_max", "1"),
        ("logs-agree",),
    ),
    (
        "times-in-order",
        "server",
        detail_value("result_first_token_min_latency_ns", "6000000000"),
        ("logs-agree", "two-clocks"),
    ),
    (
        "logs-agree",
        "server",
        lambda folder: rewrite_log(
            folder, SUMMARY, lambda text: text.replace("target_qps : 200", "target_qps : 100")
        ),
        (),
    ),
    (
        "logs-whole",
        "server",
        lambda folder: (folder / SUMMARY).unlink(),
        ("files-unchanged", "no-errors", "no-other-errors", "logs-agree"),
    ),
    ("clock-steady", "server", run_json(clock=None), ()),
    (
        "clock-steady",
        "server",
        clock_json(steps=[{"after_s": 3.2, "step_s": -5.0}], drift_s=-5.0),
        (),
    ),
    ("clock-steady", "server", clock_json(drift_s=0.0051), ()),
    ("clock-steady", "server", clock_json(suspended_s=2.0), ()),
    ("clock-steady", "server", clock_json(first_ns=2**62), ()),
    ("clock-steady", "server", clock_json(last_ns=0), ()),
    ("two-clocks", "offline", shift("issued_ns", -5_000_000), ("trace-agrees",)),
    ("two-clocks", "server", shift("issued_ns", -3_000_000), ("trace-agrees",)),
    ("two-clocks", "singlestream", shift("issued_ns", -3_000_000), ("trace-agrees",)),
    (
        "two-clocks",
        "offline",
        shift("issued_ns", 5_100_000_000),
        ("trace-agrees", "ledger-in-order"),
    ),
    (
        "sealed-values",
        "offline",
        profile("mlperf"),
        ("min-duration", "min-duration-asked", "min-queries", "user-conf"),
    ),
    ("evaluation-stated", "accuracy", stated_otherwise, ()),
    ("evaluated-log", "accuracy", json_file("accuracy.json", log_sha256="0" * 64), ()),
    ("accuracy-evaluated", "accuracy", json_file("accuracy.json", gen_num=47), ()),
    ("accuracy-evaluated", "accuracy", json_file("accuracy.json", complete=False), ()),
    ("own-tokenizer", "accuracy", json_file("accuracy.json", scored_with=ANOTHER), ()),
    ("accuracy", "accuracy", json_file("accuracy.json", metrics=[LOW]), ()),
    ("answers-sound", "accuracy", json_file("accuracy.json", problems=["all loop"]), ()),
    ("compliance-test", "compliance", json_file("verification.json", passed=False), ()),
    ("compliance-test", "compliance", json_file("verification.json", checks=[]), ()),
    ("compliance-condition", "compliance", json_file("verification.json", checks=[BROKEN]), ()),
    ("evaluated-log", "compliance", json_file("verification.json", log_sha256="0" * 64), ()),
    ("audit-config-given", "compliance", run_json(audit_config=None), ()),
]

# Rules that VALID does not ask, each held to the round's own demands.
BESIDE_VALID: list[tuple[str, str, Change]] = [
    ("offline-query-size", "offline", detail_value("effective_samples_per_query", "191")),
    ("latency-percentile", "server", detail_value("effective_target_latency_percentile", "0.9")),
    ("latency-percentile", "server", detail_value("effective_target_latency_percentile", "0.99")),
    ("token-latencies", "server", detail_value("requested_use_token_latencies", "false")),
    ("equal-issue", "server", detail_value("effective_sample_concatenate_permutation", "false")),
    ("sample-counts", "server", detail_value("effective_performance_sample_count", "47")),
    ("sample-counts", "server", detail_value("effective_performance_sample_count", "49")),
    ("sample-counts", "accuracy", detail_value("qsl_reported_total_count", "47")),
    ("distinct-queries", "server", detail_value("requested_server_coalesce_queries", "true")),
    ("distinct-queries", "offline", detail_value("effective_performance_issue_same", "true")),
    ("settings-taken-over", "server", detail_value("requested_min_duration_ms", "999")),
    ("settings-taken-over", "offline", detail_value("requested_offline_expected_qps", "399")),
    ("settings-fixed", "server", detail_value("effective_max_duration_ms", "1")),
    ("settings-fixed", "accuracy", detail_value("effective_accuracy_log_probability", "0.5")),
    ("counts-agree", "server", detail_value("generated_query_count", "239")),
    ("counts-agree", "accuracy", detail_value("generated_samples_per_query", "47")),
    ("counts-agree", "offline", detail_value("effective_samples_per_query", "193")),
    ("rates-follow", "offline", detail_value("result_samples_per_second", "25800")),
    ("rates-follow", "server", detail_value("result_completed_samples_per_sec", "195.537")),
    ("rates-follow", "server", detail_value("effective_target_qps", "400")),
    ("rates-follow", "server", detail_value("result_completed_tokens_per_second", "1086.48")),
    ("answer-length", "offline", detail_value("result_tokens_per_second", "1711000")),
    ("answer-length", "server", detail_value("result_time_to_output_token_mean", "17000")),
    ("stamps-agree", "server", detail_value("power_end", '"11-24-2026 00:02:48.100"')),
    ("stamps-agree", "offline", detail_value("power_end", '"11-24-2026 00:02:57.137"')),
    ("loadgen-unmodified", "server", detail_value("loadgen_git_status_message", '" M a.cc"')),
    ("accuracy-covers-all", "accuracy", row(3, sample_index=34)),
    ("one-process", "server", extra_line("loadgen_version", "6.0.17 @ d6147c7eb7", "error")),
    ("audit-settings", "compliance", detail_value("effective_accuracy_log_sampling_target", "99")),
]
