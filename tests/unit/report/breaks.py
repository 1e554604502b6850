"""Ways to break a compliant session, each with the row that must turn."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sut.report.compliance.rows import Verdict
from tests.unit.quantize.records import OTHER, record
from tests.unit.report.compliant import DETAIL, RUNS, remove_logged, set_fact, set_logged
from tests.unit.result.sessions import edit_ledger, rewrite_log
from tests.unit.rules.changes import fail_one, forget_last

NOT_MET, NOT_MEASURED = Verdict.NOT_MET, Verdict.NOT_MEASURED
NOT_APPLICABLE = Verdict.NOT_APPLICABLE
Break = Callable[[Path], None]
OF_ANOTHER_LIST = record(OTHER).model_dump(mode="json")


def engine(*keys: str, value: object) -> Break:
    return lambda root: set_fact(root / "session.json", "engine", *keys, value=value)


def session(*keys: str, value: object) -> Break:
    return lambda root: set_fact(root / "session.json", *keys, value=value)


def config(*keys: str, value: object) -> Break:
    return lambda root: set_fact(root / "config.json", "config", *keys, value=value)


def fact(subject: str, *keys: str, value: object, file: str = "run.json") -> Break:
    return lambda root: set_fact(root / RUNS[subject] / file, *keys, value=value)


def rows(subject: str, change: Callable[[list[dict[str, Any]]], None]) -> Break:
    return lambda root: edit_ledger(root / RUNS[subject], change)


def says(subject: str, key: str, value: str) -> Break:
    return lambda root: set_logged(root / RUNS[subject], key, value)


def silent(subject: str, key: str) -> Break:
    return lambda root: remove_logged(root / RUNS[subject], key)


def gone(place: str) -> Break:
    def remove(root: Path) -> None:
        path = root / place
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return remove


def error_line(subject: str) -> Break:
    """LoadGen counted no error and wrote one all the same: the line counts."""
    line = (
        ':::MLLOG {"key": "error_runtime", "value": "something", "time_ms": 1, '
        '"metadata": {"is_error": true, "is_warning": false, "pid": 1}}\n'
    )

    def change(text: str) -> str:
        first, _, rest = text.partition("\n")
        pid = first.partition('"pid": ')[2].partition(",")[0]
        ours = line.replace('"pid": 1', f'"pid": {pid}')
        return f"{first}\n{ours}{rest}"

    return lambda root: rewrite_log(root / RUNS[subject], DETAIL, change)


def process_of(subject: str, other: str) -> Break:
    """A run's log says that it was made by the process of the other."""

    def change(root: Path) -> None:
        log = (root / RUNS[other] / DETAIL).read_text(encoding="utf-8")
        (theirs,) = set(re.findall(r'"pid": \d+', log))
        rewrite_log(root / RUNS[subject], DETAIL, lambda text: re.sub(r'"pid": \d+', theirs, text))

    return change


def started_twice(subject: str) -> Break:
    """LoadGen's first line stands there again."""
    return lambda root: rewrite_log(
        root / RUNS[subject], DETAIL, lambda text: text.splitlines(keepends=True)[0] + text
    )


def longer_user_conf(subject: str) -> Break:
    """A setting that the configuration does not have."""
    return lambda root: rewrite_log(
        root / RUNS[subject], "user.conf", lambda text: f"{text}*.Offline.max_duration = 1\n"
    )


def of_nobody(subject: str) -> Break:
    """A run that does not say whose it is."""

    def forget(root: Path) -> None:
        path = root / RUNS[subject] / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(document | {"session": None}), encoding="utf-8")

    return forget


def touched(place: str) -> Break:
    """A file with one byte more; it need not have been there."""

    def append(root: Path) -> None:
        with (root / place).open("ab") as stream:
            stream.write(b"\n")

    return append


PERF, ACC, TEST = "Offline performance", "Offline accuracy", "Offline TEST06"
SERVER, INTER = "Server performance", "Interactive performance"
LATE, EARLY = "2026-11-28T00:00:00Z", "2026-11-23T00:00:00Z"

SESSION_BREAKS = [
    ("scenario-set", "session", gone("Offline/performance"), NOT_MET),
    ("dataset-count", "session", session("dataset", "count", value=47), NOT_MET),
    ("dataset", "session", session("dataset", "source", value="sample"), NOT_MET),
    ("dataset", "session", session("dataset", "synthetic", value=True), NOT_MET),
    ("dataset-checksum", "session", session("dataset", "sha256", value=""), NOT_MEASURED),
    ("model", "session", config("model", "official", value=False), NOT_MET),
    ("model", "session", engine("model_recognised", value=None), NOT_MET),
    ("model", "session", engine("model_recognised", value="another"), NOT_MET),
    ("model", "session", engine("model_config_sha256", value=None), NOT_MEASURED),
    ("weights-checksum", "session", engine("model_sha256", value=None), NOT_MEASURED),
    ("weights-checksum", "session", engine("model_sha256", value="1" * 64), NOT_MET),
    ("weights-loaded", "session", engine("arguments", "load_format", value="dummy"), NOT_MET),
    ("weights-loaded", "session", engine("arguments", value={}), NOT_MEASURED),
    ("engine", "session", engine("kind", value="null"), NOT_MET),
    ("engine", "session", session("engine", value=None), NOT_MEASURED),
    ("greedy", "session", session("engine", value=None), NOT_MEASURED),
    ("greedy", "session", engine("kind", value="null"), NOT_APPLICABLE),
    ("numerics", "session", engine("arguments", value={"dtype": "bfloat16"}), NOT_MEASURED),
    ("calibration", "session", session("quantised", value=OF_ANOTHER_LIST), NOT_MET),
    ("engine-as-asked", "session", engine("arguments", "dtype", value="float32"), NOT_MET),
    ("engine-as-asked", "session", session("engine", value=None), NOT_MEASURED),
    ("engine-as-asked", "session", engine("kind", value="null"), NOT_APPLICABLE),
    (
        "engine-environment",
        "session",
        engine(
            "environment",
            value=[{"name": "OMP_X", "value": "1", "given_by": "user", "harmless": False}],
        ),
        NOT_MET,
    ),
    ("engine-environment", "session", engine("environment", value=None), NOT_MEASURED),
    (
        "prefix-caching-off",
        "session",
        engine("arguments", "enable_prefix_caching", value=True),
        NOT_MET,
    ),
    ("prefix-caching-off", "session", engine("details", "prefix_caching", value=True), NOT_MET),
    ("prefix-caching-off", "session", engine("details", value={}), NOT_MEASURED),
    ("reuse-probe", "session", session("reuse_probe", value=None), NOT_MEASURED),
    (
        "reuse-probe",
        "session",
        session("reuse_probe", "hit_tokens", value={"prefix_cache_hit_tokens": 64.0}),
        NOT_MET,
    ),
    ("reuse-probe", "session", session("reuse_probe", "again_s", value=[0.01, 0.01]), NOT_MET),
    ("reuse-probe", "session", engine("kind", value="null"), NOT_APPLICABLE),
    (
        "no-speculation",
        "session",
        engine("arguments", "speculative_config", value={"method": "ngram"}),
        NOT_MET,
    ),
    ("no-speculation", "session", engine("details", "speculative_decoding", value=True), NOT_MET),
    ("no-speculation", "session", engine("details", value={}), NOT_MEASURED),
    ("greedy", "session", engine("sampling", "temperature", value=0.1), NOT_MET),
    ("greedy", "session", engine("sampling", "top_k", value=40), NOT_MET),
    ("greedy", "session", engine("sampling", value={}), NOT_MEASURED),
    ("output-length", "session", engine("sampling", "max_tokens", value=7), NOT_MET),
    ("output-length", "session", engine("sampling", "min_tokens", value=0), NOT_MET),
    ("plain-sampling", "session", engine("sampling", "ignore_eos", value=True), NOT_MET),
    ("plain-sampling", "session", engine("sampling", "stop", value=["."]), NOT_MET),
    ("stop-tokens", "session", engine("sampling", "stop_token_ids", value=[0, 7]), NOT_MET),
    ("warm-up-first", "session", session("warmup", value=None), NOT_MEASURED),
    ("warm-up-first", "session", session("started_utc", value=LATE), NOT_MET),
    ("runs-complete", "Offline", gone("Offline/accuracy"), NOT_MEASURED),
    ("runs-complete", "Offline", gone("Offline/TEST06"), NOT_MEASURED),
    ("same-engine", "Offline", gone("Offline/TEST06"), NOT_MEASURED),
    ("same-engine", "Offline", fact(ACC, "started_utc", value=EARLY), NOT_MET),
    ("same-engine", "Offline", session("engine", value=None), NOT_MEASURED),
]
LOG_BREAKS = [
    ("loadgen-release", PERF, says(PERF, "loadgen_version", '"6.0.15 @ x"'), NOT_MET),
    ("loadgen-release", PERF, says(PERF, "loadgen_version", '"nightly"'), NOT_MET),
    ("loadgen-release", PERF, gone(f"{RUNS[PERF]}/{DETAIL}"), NOT_MEASURED),
    (
        "loadgen-unmodified",
        PERF,
        says(PERF, "loadgen_git_status_message", '" M loadgen.cc"'),
        NOT_MET,
    ),
    ("processes-apart", "session", process_of(PERF, ACC), NOT_MET),
    ("one-process", PERF, started_twice(PERF), NOT_MET),
    ("seeds", PERF, says(PERF, "effective_qsl_rng_seed", "1"), NOT_MET),
    ("seeds", ACC, says(ACC, "effective_schedule_rng_seed", "1"), NOT_MET),
    ("seeds", TEST, silent(TEST, "effective_sample_index_rng_seed"), NOT_MEASURED),
    ("loadgen-model", PERF, fact(PERF, "loadgen_model", value="llama3.1-8b"), NOT_MET),
    ("loadgen-mode", ACC, says(ACC, "effective_test_mode", '"PerformanceOnly"'), NOT_MET),
    ("loadgen-mode", PERF, says(PERF, "effective_scenario", '"Server"'), NOT_MET),
    ("token-latencies", PERF, says(PERF, "requested_use_token_latencies", "false"), NOT_MET),
    ("token-latencies", ACC, silent(ACC, "requested_use_token_latencies"), NOT_MEASURED),
    (
        "equal-issue",
        PERF,
        says(PERF, "effective_sample_concatenate_permutation", "false"),
        NOT_MET,
    ),
    ("sample-counts", PERF, says(PERF, "effective_performance_sample_count", "47"), NOT_MET),
    ("sample-counts", ACC, says(ACC, "effective_accuracy_sample_count", "47"), NOT_MET),
    ("sample-counts", ACC, says(ACC, "qsl_reported_total_count", "47"), NOT_MET),
    ("settings-as-asked", PERF, says(PERF, "effective_max_duration_ms", "7"), NOT_MET),
    ("settings-as-asked", PERF, silent(PERF, "effective_max_duration_ms"), NOT_MEASURED),
    ("settings-recorded", PERF, fact(PERF, "expected_settings", value={}), NOT_MET),
    ("of-session", TEST, of_nobody(TEST), NOT_MEASURED),
    ("user-conf", ACC, longer_user_conf(ACC), NOT_MET),
    ("as-closed", "session", touched("engine.log"), NOT_MET),
    ("as-closed", "session", lambda root: (root / "manifest.json").unlink(), NOT_MEASURED),
    ("distinct-queries", PERF, says(PERF, "effective_performance_issue_same", "true"), NOT_MET),
    ("loadgen-verdict", PERF, says(PERF, "result_validity", '"INVALID"'), NOT_MET),
    ("min-duration-asked", PERF, says(PERF, "effective_min_duration_ms", "4"), NOT_MET),
    ("min-duration", PERF, says(PERF, "result_min_duration_met", "false"), NOT_MET),
    ("min-queries", PERF, says(PERF, "generated_samples_per_query", "191"), NOT_MET),
    ("min-queries", PERF, says(PERF, "result_min_queries_met", "false"), NOT_MET),
    ("early-stopping", PERF, says(PERF, "early_stopping_met", "false"), NOT_MET),
    ("no-errors", PERF, says(PERF, "num_errors", "1"), NOT_MET),
    ("no-errors", PERF, error_line(PERF), NOT_MET),
    ("no-errors", ACC, error_line(ACC), NOT_MET),
    ("no-errors", ACC, silent(ACC, "power_end"), NOT_MEASURED),
    ("audit-config", TEST, silent(TEST, "warning_generic_message"), NOT_MET),
    ("audit-config", TEST, fact(TEST, "audit_config", value=None), NOT_MET),
    ("audit-config", PERF, fact(PERF, "audit_config", value="audit.config"), NOT_MET),
    (
        "audit-settings",
        TEST,
        says(TEST, "effective_accuracy_log_sampling_target", "99"),
        NOT_MET,
    ),
]
ANSWER_BREAKS = [
    ("warm-up", PERF, session("warmup", "succeeded", value=9), NOT_MET),
    ("warm-up", PERF, session("warmup", value=None), NOT_MEASURED),
    ("run-ended", PERF, fact(PERF, "loadgen_returned", value=False), NOT_MET),
    ("run-ended", PERF, fact(PERF, "interrupted", value=True), NOT_MET),
    ("run-ended", ACC, fact(ACC, "engine_failure", value="worker died"), NOT_MET),
    ("no-failures", PERF, rows(PERF, fail_one), NOT_MET),
    ("no-failures", TEST, rows(TEST, fail_one), NOT_MET),
    ("no-failures", TEST, gone(f"{RUNS[TEST]}/ledger.parquet"), NOT_MEASURED),
    ("same-samples", PERF, rows(PERF, forget_last), NOT_MET),
    ("longest-answer", PERF, gone(f"{RUNS[PERF]}/ledger.parquet"), NOT_MEASURED),
    (
        "prefix-cache-hits",
        PERF,
        fact(PERF, "engine_counters", "prefix_cache_hit_tokens", value=1.0),
        NOT_MET,
    ),
    ("prefix-cache-hits", ACC, fact(ACC, "engine_counters", value={}), NOT_MEASURED),
    ("files-unchanged", PERF, touched(f"{RUNS[PERF]}/user.conf"), NOT_MET),
    ("files-unchanged", PERF, gone(f"{RUNS[PERF]}/ledger.parquet"), NOT_MET),
    ("files-unchanged", PERF, fact(PERF, "log_sha256", value={}), NOT_MEASURED),
    ("accuracy-covers-all", ACC, rows(ACC, forget_last), NOT_MET),
    ("accuracy-covers-all", ACC, gone(f"{RUNS[ACC]}/ledger.parquet"), NOT_MEASURED),
    ("accuracy-evaluated", ACC, gone(f"{RUNS[ACC]}/accuracy.json"), NOT_MEASURED),
    ("accuracy", ACC, gone(f"{RUNS[ACC]}/accuracy.json"), NOT_MEASURED),
    (
        "accuracy-evaluated",
        ACC,
        fact(ACC, "log_sha256", value="0" * 64, file="accuracy.json"),
        NOT_MET,
    ),
    ("accuracy-evaluated", ACC, fact(ACC, "gen_num", value=47, file="accuracy.json"), NOT_MET),
    ("answers-sound", ACC, fact(ACC, "problems", value=["loops"], file="accuracy.json"), NOT_MET),
    ("compliance-test", TEST, gone(f"{RUNS[TEST]}/verification.json"), NOT_MEASURED),
    ("compliance-test", TEST, fact(TEST, "passed", value=False, file="verification.json"), NOT_MET),
    (
        "compliance-test",
        TEST,
        fact(TEST, "log_sha256", value="0" * 64, file="verification.json"),
        NOT_MET,
    ),
]
