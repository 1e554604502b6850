"""One broken fact each, and the checks that it must fail: the cases of test_validity."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.result.sessions import SETTINGS, dump, edit, edit_ledger, rewrite_log

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
Change = Callable[[Path], None]


def run_json(**changes: Any) -> Change:
    return lambda folder: edit(folder / "run.json", **changes)


def ledger_json(**changes: Any) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        dump(path, document | {"ledger": document["ledger"] | changes})

    return apply


def session_json(**changes: Any) -> Change:
    return lambda folder: edit(folder.parents[1] / "session.json", **changes)


def config_json(section: str, **changes: Any) -> Change:
    def apply(folder: Path) -> None:
        path = folder.parents[1] / "config.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["config"][section] |= changes
        dump(path, document)

    return apply


def detail_value(key: str, value: str) -> Change:
    """Give a key of the detail log another value, and its summary line none to contradict."""

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines):
            if f'"key": "{key}"' in line:
                head, tail = line.split('"value": ', 1)
                rest = tail[tail.index(', "time_ms"') :]
                lines[number] = f'{head}"value": {value}{rest}'
                return "".join(lines)
        raise AssertionError(f"{key} is not in the log")

    return lambda folder: rewrite_log(folder, DETAIL, change)


def extra_line(key: str, text: str, kind: str) -> Change:
    entry = {"key": key, "value": text, "metadata": {f"is_{kind}": True}}
    return lambda folder: rewrite_log(
        folder, DETAIL, lambda log: f":::MLLOG {json.dumps(entry)}\n{log}"
    )


def overwrite_trace(folder: Path) -> None:
    (folder / "mlperf_log_trace.json").write_text("{}", encoding="utf-8")


def drop_hash(folder: Path) -> None:
    path = folder / "run.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["log_sha256"][SUMMARY]
    dump(path, document)


def fail_one(rows: list[dict[str, Any]]) -> None:
    rows[3].update(state="failed", tokens_out=None, failure="died")


def leave_one_open(rows: list[dict[str, Any]]) -> None:
    rows[3].update(state="outstanding", tokens_out=None, done_ns=None)


def answer_for_long(rows: list[dict[str, Any]]) -> None:
    rows[3].update(tokens_out=65)


def shift(column: str, by_ns: int) -> Change:
    """The ledger's own stamps of every query, moved."""

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row[column] += by_ns

    return lambda folder: edit_ledger(folder, change)


def clock_json(**changes: Any) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        dump(path, document | {"clock": document["clock"] | changes})

    return apply


# Seen to fail in test_evaluations.
EVALUATED = {"accuracy log evaluated", "answers evaluated", "signs of a broken engine"}
AUDIT = "Found Audit Config file (audit.config). Overriding TestSettings from audit.config file."
DIFFER = "figures on which LoadGen's summary and detail log differ"
TOKENS = "tokens per second against samples per second * mean output tokens"
LEDGER = "ledger rows"
STEPS = "steps of the wall clock, which LoadGen measures by"
TIMES = "LoadGen's times that the ledger contradicts"
WARMUP = {"requested": 10, "succeeded": 9, "duration_s": 1.0, "failures": ["late"]}

# recording, what is broken, the checks that fail: no others
BREAKAGES: list[tuple[str, Change, list[str]]] = [
    ("server", run_json(loadgen_returned=False, loadgen_exit="ended"), ["LoadGen's end"]),
    ("server", run_json(loadgen_returned=False), ["LoadGen's end"]),
    ("server", run_json(engine_failure="worker died"), ["engine failure"]),
    ("server", run_json(interrupted=True), ["interrupted"]),
    ("server", session_json(warmup=WARMUP), ["warm-up queries answered"]),
    ("server", session_json(warmup=None), ["warm-up queries answered"]),
    (
        "server",
        session_json(warmup=WARMUP | {"requested": 12, "succeeded": 10}),
        ["warm-up queries answered"],
    ),
    (
        "server",
        run_json(expected_settings={"requested_use_token_latencies": 1}),
        ["requested_use_token_latencies"],
    ),
    ("server", detail_value("result_validity", '"INVALID"'), ["LoadGen's verdict", DIFFER]),
    (
        "server",
        detail_value("result_min_duration_met", "false"),
        ["LoadGen: minimum duration", DIFFER],
    ),
    (
        "server",
        detail_value("result_min_queries_met", "false"),
        ["LoadGen: minimum queries", DIFFER],
    ),
    ("server", detail_value("early_stopping_met", "false"), ["LoadGen: early stopping", DIFFER]),
    (
        "server",
        detail_value("result_perf_constraints_met", "false"),
        ["LoadGen: latency constraints", DIFFER],
    ),
    (
        "server",
        config_json("server", min_duration_s=1.5),
        ["duration", "minimum duration asked of LoadGen"],
    ),
    (
        "offline",
        config_json("offline", min_duration_s=0.008),
        ["duration", "minimum duration asked of LoadGen"],
    ),
    ("offline", config_json("offline", min_query_count=193), ["samples"]),
    ("singlestream", config_json("single_stream", min_query_count=193), ["samples"]),
    (
        "server",
        config_json("server", ttft_limit_ms=1.0),
        ["TTFT P95", "TTFT limit asked of LoadGen"],
    ),
    (
        "server",
        config_json("server", tpot_limit_ms=0.1),
        ["TPOT P95", "TPOT limit asked of LoadGen"],
    ),
    ("interactive", config_json("interactive", tpot_limit_ms=31), ["TPOT limit asked of LoadGen"]),
    ("server", config_json("server", e2e_p99_limit_ms=5), ["latency P99"]),
    (
        "server",
        lambda folder: edit_ledger(folder, fail_one),
        ["LoadGen errors", TOKENS],
    ),
    (
        "server",
        lambda folder: edit_ledger(folder, leave_one_open),
        ["samples that ended", TOKENS],
    ),
    ("server_with_errors", config_json("validity", min_success_rate=0.995), ["success rate"]),
    ("server", ledger_json(issued=241), ["samples LoadGen counts", "samples that ended", LEDGER]),
    ("server", ledger_json(succeeded=239, empty=1), ["LoadGen errors", LEDGER]),
    (
        "server",
        lambda folder: (folder / "ledger.parquet").unlink(),
        [
            LEDGER,
            TOKENS,
            "longest answer",
            "logs that are not as LoadGen left them",
            STEPS,
            TIMES,
        ],
    ),
    (
        "server",
        extra_line("error_runtime", "Attempted to complete a sample twice.", "error"),
        ["LoadGen errors", "LoadGen errors about anything but tokens", DIFFER],
    ),
    (
        "server",
        detail_value("num_errors", "1"),
        ["LoadGen errors", "LoadGen errors about anything but tokens"],
    ),
    ("server_with_errors", ledger_json(failed=1, succeeded=478), ["LoadGen errors", LEDGER]),
    ("server", run_json(expected_settings={}), ["expected settings recorded"]),
    (
        "server",
        run_json(expected_settings=SETTINGS | {"effective_target_qps": 201}),
        ["effective_target_qps"],
    ),
    ("server", run_json(expected_settings={"effective_unheard_of": 1}), ["effective_unheard_of"]),
    (
        "server",
        detail_value("effective_qsl_rng_seed", "2085463073848966841"),
        ["effective_qsl_rng_seed", DIFFER],
    ),
    (
        "server",
        detail_value("effective_sample_index_rng_seed", "1"),
        ["effective_sample_index_rng_seed", DIFFER],
    ),
    (
        "server",
        detail_value("effective_schedule_rng_seed", "16159082839903945000"),
        ["effective_schedule_rng_seed", DIFFER],
    ),
    ("server", detail_value("loadgen_version", '"6.0.15 @ abc"'), ["LoadGen release"]),
    ("server", detail_value("loadgen_version", '"6.0.18 @ abc"'), ["LoadGen release"]),
    ("server", detail_value("loadgen_version", '"unknown"'), ["LoadGen release"]),
    (
        "accuracy",
        detail_value("effective_test_mode", '"PerformanceOnly"'),
        ["LoadGen's logs", "effective_test_mode"],
    ),
    ("server", overwrite_trace, ["logs that are not as LoadGen left them"]),
    ("server", drop_hash, ["logs that are not as LoadGen left them"]),
    (
        "server",
        extra_line("warning_generic_message", AUDIT, "warning"),
        ["audit.config read by LoadGen", DIFFER],
    ),
    (
        "server",
        lambda folder: edit_ledger(folder, answer_for_long),
        ["longest answer", TOKENS],
    ),
    ("server", run_json(incidents=["replica 1 was lost"]), ["incidents"]),
    ("server", run_json(audit_config="audit.config"), ["audit.config read by LoadGen"]),
    (
        "server",
        run_json(engine_counters={"r0.prefix_cache_hit_tokens": 16.0}),
        ["r0.prefix_cache_hit_tokens"],
    ),
    ("server", detail_value("result_completed_tokens_per_second", "1086.48"), [TOKENS, DIFFER]),
    (
        "server",
        detail_value("result_completed_samples_per_sec", "197.356"),
        [TOKENS, DIFFER, TIMES],
    ),
    ("offline", detail_value("result_tokens_per_second", "142300"), [TOKENS, DIFFER]),
    (
        "offline",
        detail_value("result_samples_per_second", "25900"),
        [TOKENS, "samples per second * longest latency", DIFFER],
    ),
    (
        "server",
        detail_value("result_90.00_percentile_latency_ns", "1000000000"),
        ["latency: percentiles in order, mean between min and max", DIFFER],
    ),
    (
        "server",
        detail_value("result_mean_latency_ns", "1"),
        ["ttft within latency", "latency: percentiles in order, mean between min and max", DIFFER],
    ),
    (
        "server",
        detail_value("result_time_to_output_token_max", "1"),
        ["tpot: percentiles in order, mean between min and max", DIFFER],
    ),
    (
        "server",
        detail_value("result_first_token_min_latency_ns", "1900000000"),
        ["ttft within latency", "ttft: percentiles in order, mean between min and max", DIFFER],
    ),
    (
        "server",
        lambda folder: rewrite_log(
            folder, SUMMARY, lambda text: text.replace("target_qps : 200", "target_qps : 100")
        ),
        [DIFFER],
    ),
    (
        "server",
        lambda folder: (folder / SUMMARY).unlink(),
        ["LoadGen's logs", "logs that are not as LoadGen left them", DIFFER],
    ),
    ("server", run_json(clock=None), [STEPS]),
    ("server", clock_json(steps=[{"after_s": 3.2, "step_s": -5.0}], drift_s=-5.0), [STEPS]),
    ("server", clock_json(drift_s=0.0051), [STEPS]),
    ("server", clock_json(suspended_s=2.0), [STEPS]),
    ("server", clock_json(first_ns=2**62), [STEPS]),
    ("server", clock_json(last_ns=0), [STEPS]),
    # Logs of a run that was faster than the ledger beside them.
    ("offline", shift("issued_ns", -5_000_000), [TIMES]),
    ("server", shift("issued_ns", -3_000_000), [TIMES]),
    ("singlestream", shift("issued_ns", -3_000_000), [TIMES]),
    # And of one that was slower by more than a hand-over takes.
    ("offline", shift("issued_ns", 1_100_000_000), [TIMES]),
]
