"""The rules on LoadGen's settings that its own log proves: as asked, and none that is fixed."""

from __future__ import annotations

from collections.abc import Iterable

from sut.rules.case import LogCase
from sut.rules.check import Check, check, number, same_setting
from sut.rules.rule import ACCURACY, PERFORMANCE, Book, Ground

UNAUDITED = (PERFORMANCE, ACCURACY)

# Settings that LoadGen logs twice and takes over as they are asked (test_settings_internal.cc).
# Not among them: the least number of queries, which it works out anew in some scenarios.
TAKEN_OVER = (
    "min_duration_ms",
    "max_duration_ms",
    "max_query_count",
    "qsl_rng_seed",
    "sample_index_rng_seed",
    "schedule_rng_seed",
    "accuracy_log_rng_seed",
    "accuracy_log_probability",
    "accuracy_log_sampling_target",
    "print_timestamps",
    "performance_issue_unique",
    "performance_issue_same",
    "performance_issue_same_index",
    "sample_concatenate_permutation",
)
# Scenario of LoadGen → what it asked for under another name.
RENAMED = {
    "Server": {
        "server_target_qps": "target_qps",
        "server_target_latency_ns": "target_latency_ns",
        "server_target_latency_percentile": "target_latency_percentile",
    },
    "Offline": {"offline_expected_qps": "target_qps"},
    "SingleStream": {"single_stream_target_latency_percentile": "target_latency_percentile"},
}

NS_PER_MS = 1e6

SETTINGS: Book[LogCase] = Book(Ground.LOADGEN)


@SETTINGS.rule(
    "settings-taken-over",
    "The settings in force are those that LoadGen was asked for",
    "loadgen/test_settings_internal.cc",
    modes=UNAUDITED,
)
def settings_taken_over(case: LogCase) -> Iterable[Check]:
    """Each that LoadGen logs as requested and as effective; a run's log has no other pair."""
    if case.logs is None:
        return
    scenario = case.scenario.loadgen_scenario if case.scenario else ""
    pairs = dict(zip(TAKEN_OVER, TAKEN_OVER, strict=True)) | RENAMED.get(scenario, {})
    for asked, taken in pairs.items():
        keys = (f"requested_{asked}", f"effective_{taken}")
        values = case.logs.detail.values
        if all(key in values for key in keys):
            wanted, found = (values[key] for key in keys)
            alike = wanted == found or same_setting(wanted, found)
            source = "as requested in the same log"
            yield check(keys[1], found, "==", wanted, source, keys=keys[::-1], holds=alike)


@SETTINGS.rule(
    "settings-fixed",
    "No setting is other than the round fixes it",
    "loadgen/mlperf.conf, loadgen/test_settings.h",
    "fixed_settings",
    UNAUDITED,
)
def settings_fixed(case: LogCase) -> Iterable[Check]:
    """Such as end a run early or thin its log; a key that the log lacks was not known to it."""
    if case.logs is None:
        return
    for key, wanted in case.demands.fixed_settings.items():
        if key in case.logs.detail.values:
            found = case.logged(key)
            alike = same_setting(wanted, found)
            yield check(key, found, "==", wanted, case.demands.origin, keys=(key,), holds=alike)


@SETTINGS.rule(
    "latency-limits-asked",
    "LoadGen judged by the limits of this scenario",
    "loadgen/mlperf.conf",
    "ttft_limit_ms",
    UNAUDITED,
)
def latency_limits_asked(case: LogCase) -> Iterable[Check]:
    """The official checker takes Interactive for Server, and does not ask this.

    In an accuracy run they judge nothing, but tell the run of one scenario from another's.
    """
    for kind, limit_ms in case.demands.latency_limits_ms.items():
        if limit_ms is None:
            continue
        key = f"requested_server_{kind.lower()}_latency"
        asked_ns = number(case.logged(key))
        asked_ms = None if asked_ns is None else asked_ns / NS_PER_MS
        name = f"{kind} limit asked of LoadGen"
        yield check(name, asked_ms, "==", limit_ms, key, unit="ms", keys=(key,))
