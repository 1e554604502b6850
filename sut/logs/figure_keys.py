"""Which of LoadGen's keys a figure is printed under in the detail log."""

from __future__ import annotations

from sut.logs.figures import PERCENTILE_FIELDS

KEYS = {
    "sut_name": "sut_name",
    "scenario": "effective_scenario",
    "mode": "effective_test_mode",
    "valid": "result_validity",
    "performance_constraints_met": "result_perf_constraints_met",
    "min_duration_met": "result_min_duration_met",
    "min_queries_met": "result_min_queries_met",
    "early_stopping_met": "early_stopping_met",
    "errors": "num_errors",
    "samples_per_second": "result_samples_per_second",
    "tokens_per_second": "result_tokens_per_second",
    "completed_samples_per_second": "result_completed_samples_per_sec",
    "scheduled_samples_per_second": "result_scheduled_samples_per_sec",
    "completed_tokens_per_second": "result_completed_tokens_per_second",
    "samples_per_second_with_overhead": "result_qps_with_loadgen_overhead",
    "samples_per_second_without_overhead": "result_qps_without_loadgen_overhead",
    "tokens_per_second_with_overhead": "result_token_throughput_with_loadgen_overhead",
    "tokens_per_second_without_overhead": "result_token_throughput",
}
# Kind of time → the forms of its keys: for min, max and mean, and for a percentile.
TIMES = {
    "latency": ("result_{}_latency_ns", "result_{}_percentile_latency_ns"),
    "ttft": ("result_first_token_{}_latency_ns", "result_first_token_{}_percentile_latency_ns"),
    "tpot": ("result_time_to_output_token_{}", "result_time_per_output_token_{}_percentile_ns"),
}


def key_of(figure: str) -> str | None:
    """The key of a field of Figures, or of `<kind>.<field>` for a time; None: it has none."""
    kind, _, which = figure.partition(".")
    if kind not in TIMES or not which:
        return KEYS.get(figure)
    extreme, percentile = TIMES[kind]
    spelled = {field: name for name, field in PERCENTILE_FIELDS.items()}
    if which in spelled:
        return percentile.format(spelled[which])
    return extreme.format(which.removesuffix("_ns"))
