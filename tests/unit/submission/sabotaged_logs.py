"""Logs that somebody changed, in both where both say it; and the rule of the catalogue it meets."""

from __future__ import annotations

from tests.unit.submission.broken_trees import Breaker, in_detail, setting, text_of
from tests.unit.submission.official_runs import SUMMARY
from tests.unit.submission.saboteur import (
    LATENCIES,
    SERVER_RATES,
    TOKENS,
    TPOT,
    TTFT,
    Row,
    copied,
    faster,
    garbled,
    in_lines,
    results,
    said_again,
    scaled,
    several,
)


def text_of_summary(old: str, new: str) -> Breaker:
    """The summary of Server's performance run, with a text replaced."""
    return lambda root: text_of(root, f"Server/performance/run_1/{SUMMARY}", old, new)


FIGURES: dict[str, Row] = {
    "Offline's tokens/s times ten": (
        scaled(100, "result_tokens_per_second", scenario="Offline"),
        "answer-length",
    ),
    "Server's tokens/s times ten": (scaled(10, TOKENS[0]), "rates-follow"),
    "every token rate of Server times a hundred": (scaled(100, *TOKENS), "answer-length"),
    "Offline's samples/s times ten": (
        scaled(10, "result_samples_per_second", scenario="Offline"),
        "rates-follow",
    ),
    "Offline's times a tenth": (scaled(0.1, LATENCIES, scenario="Offline"), "min-duration"),
    "Offline's times doubled": (scaled(2, LATENCIES, scenario="Offline"), "rates-follow"),
    "a faster Offline run, all figures to match": (faster, "stamps-agree"),
    "Server's completed rate doubled": (scaled(2, SERVER_RATES[1]), "rates-follow"),
    "Server's scheduled rate a little up": (scaled(1.01, SERVER_RATES[0]), "rates-follow"),
    "every rate of Server doubled": (scaled(2, *SERVER_RATES), "min-duration"),
    "every rate of Server up by a tenth": (scaled(1.1, *SERVER_RATES), "stamps-agree"),
    "TTFT above the latency": (scaled(10, TTFT), "times-in-order"),
    "TPOT a hundredth": (scaled(0.01, TPOT), "answer-length"),
    "TPOT times ten": (scaled(10, TPOT), "answer-length"),
    "P99 of TTFT below P50": (
        setting("result_first_token_99.00_percentile_latency_ns", 1000),
        "times-in-order",
    ),
    "P99 of TPOT below P50": (
        setting("result_time_per_output_token_99.00_percentile_ns", 1000),
        "times-in-order",
    ),
    "a mean latency above the longest": (
        setting("result_mean_latency_ns", 900_000_000_000, "Offline"),
        "times-in-order",
    ),
    "a shortest latency above P50": (
        setting("result_min_latency_ns", 690_000_000_000, "Offline"),
        "times-in-order",
    ),
    "fewer queries generated than counted": (
        setting("generated_query_count", 100),
        "counts-agree",
    ),
    "fewer queries counted than generated": (setting("result_query_count", 200), "counts-agree"),
    "fewer queries than LoadGen was asked for": (
        setting("effective_min_query_count", 20000),
        "counts-agree",
    ),
    "a sample too few in Offline": (
        setting("generated_samples_per_query", 13367, "Offline"),
        "counts-agree",
    ),
    "another target than the schedule has": (
        setting("effective_target_qps", 40.0),
        "rates-follow",
    ),
    "an end an hour later": (setting("power_end", "11-24-2026 23:00:00.000"), "stamps-agree"),
    "a begin that is no time": (setting("power_begin", "noon", "Offline"), "stamps-agree"),
    "an accuracy run of a hundred queries": (
        setting("generated_query_count", 100, "Server", "accuracy"),
        "counts-agree",
    ),
    "an accuracy run that asked some twice": (
        setting("generated_samples_per_query", 26736, "Offline", "accuracy"),
        "counts-agree",
    ),
}
LAST_TIMES = r'("(?:power_|result_|early_stopping_|num_errors).*"time_ms": )[\d.]+'
TWO_VERDICTS = "Result is : INVALID\nResult is : VALID"
LINES: dict[str, Row] = {
    "a figure of the summary again below the parameters": (
        text_of_summary(
            "min_duration (ms)", "Completed samples per second : 999999\nmin_duration (ms)"
        ),
        "two lines say 'Completed samples per second'",
    ),
    "a verdict again below the parameters": (
        text_of_summary("min_duration (ms)", "Result is : INVALID\nmin_duration (ms)"),
        "two lines say 'Result is'",
    ),
    "a parameter of the summary twice": (
        text_of_summary("target_qps :", "target_qps : 999999\ntarget_qps :"),
        "two lines say 'target_qps'",
    ),
    "errors of the summary counted twice": (
        text_of_summary("No errors enc", "7 errors encountered.\nNo errors enc"),
        "two lines say 'errors encountered'",
    ),
    "a summary with two verdicts": (
        lambda root: text_of(
            root, f"Server/performance/run_1/{SUMMARY}", *("Result is : VALID", TWO_VERDICTS)
        ),
        "two lines say 'Result is': 'INVALID' and 'VALID'.",
    ),
    "a verdict INVALID after the one that is VALID": (
        said_again("result_validity", '"INVALID"'),
        "said-once",
    ),
    "a rate that stands twice": (
        said_again("result_completed_tokens_per_second", "1.5"),
        "said-once",
    ),
    "a setting that stands twice in the accuracy run": (
        said_again("effective_min_duration_ms", "7", "Offline", "accuracy"),
        "said-once",
    ),
    "lines of another process": (
        in_lines(r'("key": "result_.*"pid": )\d+', r"\g<1>8"),
        "said-once",
    ),
    "a few samples loaded": (
        in_lines(r'("loaded_qsl_set", "value": )\[[^]]*\]', r"\g<1>[1, 2, 3]"),
        "samples-loaded",
    ),
    "one sample loaded again and again": (
        in_lines(r'("loaded_qsl_set", "value": \[)0, 1,', r"\g<1>1, 1,"),
        "samples-loaded",
    ),
    "a sample loaded that there is not": (
        in_lines(r'("loaded_qsl_set", "value": \[)0,', r"\g<1>13368,"),
        "samples-loaded",
    ),
    "an accuracy run of some samples": (
        in_lines(
            r'("loaded_qsl_set", "value": )\[[^]]*\]', r"\g<1>[0, 1, 2]", "Offline", "accuracy"
        ),
        "samples-loaded",
    ),
    "a run of a minute, its figures and stamps as of ten": (
        in_lines(LAST_TIMES, r"\g<1>60012.5"),
        "log-clock",
    ),
    "a run of an hour, its figures and stamps as of ten minutes": (
        in_lines(LAST_TIMES, r"\g<1>3600012.5"),
        "log-clock",
    ),
    "a setting that nobody asked for": (
        in_lines(r'.*"key": "requested_schedule_rng_seed".*\n', ""),
        "lines-in-order",
    ),
    "a log without LoadGen's own counters": (
        in_lines(r'.*"key": "logger_.*\n', "", "Server", "accuracy"),
        "lines-in-order",
    ),
    "the verdict above the settings": (
        in_lines(r'(?s)^(.*?\n)(.*)(:::MLLOG \{"key": "result_validity".*?\n)', r"\g<1>\g<3>\g<2>"),
        "lines-in-order",
    ),
    "a setting twice": (
        in_lines(r'(.*"key": "effective_target_qps".*\n)', r"\g<1>\g<1>"),
        "said-once",
    ),
    "no clock in the lines": (in_lines(r', "time_ms": [\d.]+', ""), "log-clock"),
}
SETTINGS: dict[str, Row] = {
    "a minimum duration not met beside VALID": (
        setting("result_min_duration_met", False),
        "min-duration",
    ),
    "minimum queries not met beside VALID": (
        setting("result_min_queries_met", False),
        "min-queries-met",
    ),
    "latency constraints not met beside VALID": (
        setting("result_perf_constraints_met", False),
        "latency-constraints",
    ),
    "early stopping not met in Offline": (
        setting("early_stopping_met", False, "Offline"),
        "early-stopping",
    ),
    "every flag not met, and INVALID": (
        several(
            setting("result_min_duration_met", False),
            setting("result_validity", "INVALID"),
        ),
        "min-duration",
    ),
    "a longest duration": (setting("effective_max_duration_ms", 660000), "settings-fixed"),
    "a longest duration in the accuracy run": (
        setting("effective_max_duration_ms", 1, "Offline", "accuracy"),
        "settings-fixed",
    ),
    "most queries": (setting("effective_max_query_count", 13368, "Offline"), "settings-fixed"),
    "a latency for the whole answer": (
        setting("effective_target_latency_ns", 1000),
        "settings-fixed",
    ),
    "an accuracy log of some answers": (
        setting("effective_accuracy_log_sampling_target", 10, "Server", "accuracy"),
        "settings-fixed",
    ),
    "a performance run that logs answers": (
        setting("effective_accuracy_log_probability", 0.5),
        "settings-fixed",
    ),
    "a duration in force that nobody asked for": (
        in_detail("requested_min_duration_ms", 60000),
        "settings-taken-over",
    ),
    "seeds in force that nobody asked for": (
        in_detail("requested_schedule_rng_seed", 1, "Offline"),
        "settings-taken-over",
    ),
    "a target in force that nobody asked for": (
        in_detail("requested_offline_expected_qps", 19.5, "Offline"),
        "settings-taken-over",
    ),
    "a percentile in force that nobody asked for": (
        in_detail("requested_server_target_latency_percentile", 0.9),
        "settings-taken-over",
    ),
    "the next LoadGen": (setting("loadgen_version", "6.0.18 @ d6147c7eb7"), "loadgen-release"),
    "the LoadGen of another round": (
        setting("loadgen_version", "5.1.2 @ d6147c7eb7", "Offline"),
        "loadgen-release",
    ),
    "another LoadGen in the accuracy run": (
        setting("loadgen_version", "6.1.0 @ d6147c7eb7", "Server", "accuracy"),
        "loadgen-release",
    ),
    "a LoadGen of no release": (setting("loadgen_version", "my own"), "loadgen-release"),
    "another LoadGen and its seeds": (
        several(
            setting("loadgen_version", "6.0.15 @ d6147c7eb7"),
            setting("effective_qsl_rng_seed", 2465351861681999779),
        ),
        "loadgen-release",
    ),
    "unique samples only": (
        setting("effective_performance_issue_unique", True),
        "distinct-queries",
    ),
    "an accuracy run of another scenario": (
        setting("effective_scenario", "Offline", "Server", "accuracy"),
        "loadgen-mode",
    ),
    "a run of both kinds": (setting("effective_test_mode", "SubmissionRun"), "loadgen-mode"),
    "a ms too short": (setting("effective_min_duration_ms", 599999), "min-duration-asked"),
    "another data set": (setting("qsl_reported_total_count", 5000), "sample-counts"),
    "an accuracy run without tokens": (
        setting("requested_use_token_latencies", False, "Server", "accuracy"),
        "token-latencies",
    ),
    "an accuracy run for Interactive's limits": (
        setting("requested_server_ttft_latency", 500_000_000, "Server", "accuracy"),
        "latency-limits-asked",
    ),
    "easier limits": (
        setting("requested_server_tpot_latency", 200_000_000),
        "latency-limits-asked",
    ),
    "another run's summary": (
        copied("performance/run_1/mlperf_log_summary.txt", "Offline", "Server"),
        "logs-agree",
    ),
    "a rate of the detail log alone": (
        in_detail("result_completed_tokens_per_second", 1e6),
        "logs-agree",
    ),
    "a percentile of the detail log alone": (
        in_detail("result_99.00_percentile_latency_ns", 1),
        "logs-agree",
    ),
    "a blank summary": (
        results("Server/performance/run_1/mlperf_log_summary.txt", " \n\n"),
        "The file is missing or empty.",
    ),
    "a blank detail log": (
        results("Offline/accuracy/mlperf_log_detail.txt", "\n"),
        "The file is missing or empty.",
    ),
    "a summary of garbage": (
        results("Server/performance/run_1/mlperf_log_summary.txt", "VALID\n"),
        "no line of it is LoadGen's.",
    ),
    "garbage in the detail log": (garbled, "the line is not a LoadGen entry"),
}
