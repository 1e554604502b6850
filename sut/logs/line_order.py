"""Which lines LoadGen writes into a detail log, and in which order.

The order is that of its sources: version.cc, test_settings_internal.cc, loadgen.cc, results.cc
(releases 5.1 to 6.0.17, runs with token latencies). Messages may stand anywhere and are not here.
"""

from __future__ import annotations

from sut.logs.figure_keys import TIMES
from sut.logs.figures import PERCENTILE_FIELDS

RELEASE = """
loadgen_version loadgen_build_date_local loadgen_build_date_utc loadgen_git_commit_date
loadgen_git_log_message loadgen_git_status_message loadgen_file_sha1
test_datetime sut_name get_sut_name_duration_ns
qsl_name qsl_reported_total_count qsl_reported_performance_count
requested_scenario requested_test_mode"""
ASKED = {
    "Server": """
requested_server_target_qps requested_server_target_latency_ns
requested_server_target_latency_percentile requested_server_coalesce_queries
requested_server_find_peak_qps_decimals_of_precision
requested_server_find_peak_qps_boundary_step_size requested_server_max_async_queries
requested_server_num_issue_query_threads""",
    "Offline": "requested_offline_expected_qps",
    "SingleStream": """
requested_single_stream_expected_latency_ns requested_single_stream_target_latency_percentile""",
}
ASKED_OF_ALL = """
requested_min_duration_ms requested_max_duration_ms requested_min_query_count
requested_max_query_count requested_qsl_rng_seed requested_sample_index_rng_seed
requested_schedule_rng_seed requested_accuracy_log_rng_seed requested_accuracy_log_probability
requested_accuracy_log_sampling_target requested_print_timestamps
requested_performance_issue_unique requested_performance_issue_same
requested_performance_issue_same_index requested_performance_sample_count_override
requested_accuracy_sample_count_override requested_sample_concatenate_permutation
requested_use_token_latencies"""
LIMITS = "requested_server_ttft_latency requested_server_tpot_latency"
IN_FORCE = """
effective_scenario effective_test_mode effective_samples_per_query effective_target_qps
effective_target_latency_ns effective_target_latency_percentile effective_max_async_queries
effective_target_duration_ms effective_min_duration_ms effective_max_duration_ms
effective_min_query_count effective_max_query_count effective_min_sample_count
effective_qsl_rng_seed effective_sample_index_rng_seed effective_schedule_rng_seed
effective_accuracy_log_rng_seed effective_accuracy_log_probability
effective_accuracy_log_sampling_target effective_print_timestamps
effective_performance_issue_unique effective_performance_issue_same
effective_performance_issue_same_index effective_performance_sample_count
effective_accuracy_sample_count effective_sample_concatenate_permutation"""
PLAYED = """
loaded_qsl_set generated_query_count generated_samples_per_query generated_query_duration
logger_swap_request_slots_retry_count logger_swap_request_slots_retry_retry_count
logger_swap_request_slots_retry_reencounter_count logger_start_reading_entries_retry_count
logger_tls_total_log_cas_fail_count logger_tls_total_swap_buffers_slot_retry_count
power_begin power_end"""
VERDICT = """
result_min_duration_met result_min_queries_met early_stopping_met result_invalid_reason
early_stopping_ttft_result early_stopping_tpot_result result_query_count"""
RATES = {
    "Server": """
result_overlatency_query_count result_scheduled_samples_per_sec result_completed_samples_per_sec""",
    "Offline": "result_samples_per_second",
    "SingleStream": """
result_qps_with_loadgen_overhead result_qps_without_loadgen_overhead
early_stopping_latency_ss early_stopping_latency_ms""",
}
OF_SOME = frozenset(
    {
        "requested_accuracy_sample_count_override",
        "effective_accuracy_sample_count",
        "result_invalid_reason",
    }
)
"""Lines that a log may lack: LoadGen 5.1 did not write the first two, a VALID run has no reason."""


def written(loadgen_scenario: str, *, accuracy: bool) -> tuple[str, ...]:
    """The keys of one run's detail log in order; none for a scenario that is not known here."""
    if loadgen_scenario not in ASKED:
        return ()
    server, offline = (loadgen_scenario == each for each in ("Server", "Offline"))
    limits = "" if offline else LIMITS
    blocks = [RELEASE, ASKED[loadgen_scenario], ASKED_OF_ALL, limits, IN_FORCE, PLAYED]
    if not accuracy:
        blocks += ["result_validity", "result_perf_constraints_met" * server, VERDICT]
        blocks += [RATES[loadgen_scenario], *_times(loadgen_scenario), "num_errors"]
    return tuple(key for block in blocks for key in block.split())


def _times(loadgen_scenario: str) -> list[str]:
    """The figures of latency, TTFT and TPOT; of Offline the latency alone."""
    (latency, ttft, tpot) = (
        (
            " ".join(extreme.format(which) for which in ("min", "max", "mean")),
            " ".join(percentile.format(each) for each in PERCENTILE_FIELDS),
        )
        for extreme, percentile in TIMES.values()
    )
    if loadgen_scenario == "Offline":
        return [*latency, "result_tokens_per_second"]
    rates = "result_token_throughput_with_loadgen_overhead result_token_throughput"
    # TPOT's percentiles stand before its extremes (results.cc).
    return [*latency, *ttft, rates, *reversed(tpot), "result_completed_tokens_per_second"]
