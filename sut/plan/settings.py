"""RunConfig → the user.conf LoadGen reads, and the settings its detail log must then show.

Pure: nothing here runs LoadGen or writes a file. The arithmetic is that of LoadGen's
TestSettings::FromConfig and TestSettingsInternal (loadgen/test_settings_internal.cc).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from packaging.version import Version

from sut.config.names import Mode, Scenario
from sut.config.rounds import Round
from sut.config.schema import RunConfig
from sut.plan.audit_config import AuditSettings

HEADER = (
    "# Generated from the resolved configuration beside it; LoadGen reads this file.",
    '# Times in ms. A line counts only with blanks around "=".',
)

# Issued for 1.1 and 2 times the duration, in case the system is faster than expected
# (kSlack in test_settings_internal.cc).
OFFLINE_SLACK = 1.1
SINGLE_STREAM_SLACK = 2.0

# LoadGen counts in 64 bits.
MOST_COUNT = 2**63

# effective_accuracy_sample_count is logged from this release on.
LOGS_ACCURACY_COUNT = Version("6.0.6")


@dataclass(frozen=True)
class Effective:
    """What LoadGen makes of a configuration, before it rounds up to whole data sets."""

    scenario: Scenario
    mode: Mode
    dataset_count: int
    target_qps: float
    percentile: float
    min_duration_ms: int
    requested_min_queries: int
    min_queries: int
    samples_per_query: int
    performance_count: int
    equal_issue: bool


def loadgen_model(config: RunConfig, scenario: Scenario, rules: Round) -> str:
    """The model name LoadGen must be given: Interactive and the edge benchmark have their own.

    Raises:
        ConfigError: the round does not have the scenario.
    """
    return rules.scenario_rules(config.model.benchmark, scenario)[2].loadgen_model


def performance_count(config: RunConfig, dataset_count: int, mode: Mode = Mode.PERFORMANCE) -> int:
    """Samples LoadGen cycles through; also the QSL's performance count.

    An accuracy run takes the whole data set as one, so that Offline stays one query.
    """
    asked = config.loadgen.performance_sample_count
    if asked is None or mode is Mode.ACCURACY:
        return dataset_count
    return min(asked, dataset_count)


def user_conf(
    config: RunConfig,
    scenario: Scenario,
    dataset_count: int,
    rules: Round,
    mode: Mode = Mode.PERFORMANCE,
) -> str:
    """The text of user.conf for one LoadGen run.

    The mlperf profile writes only what the rules leave to the submitter, plus the duration;
    everything else then stays as LoadGen's built-in mlperf.conf has it.
    """
    name = scenario.loadgen_scenario
    rule = rules.scenario_rules(config.model.benchmark, scenario)[2]
    lines: dict[str, int | float] = {}
    if scenario is Scenario.SINGLE_STREAM:
        lines["target_latency"] = int(config.single_stream.target_latency_ms)
    else:
        lines["target_qps"] = _target_qps(config, scenario)
    section = config.section(scenario)
    lines["min_duration"] = round(section.min_duration_s * 1000)
    if config.profile != "mlperf":
        lines["min_query_count"] = section.min_query_count
        lines["performance_sample_count_override"] = performance_count(config, dataset_count, mode)
        percentile = _asked_percentile(config, scenario)
        if percentile is not None and percentile != rule.latency_percentile:
            lines["target_latency_percentile"] = percentile
    if config.profile != "mlperf" and name == "Server":
        latency = config.latency_rules(scenario)
        if latency.ttft_limit_ms != rule.ttft_limit_ms:
            lines["ttft_latency"] = int(latency.ttft_limit_ms)
        if latency.tpot_limit_ms != rule.tpot_limit_ms:
            lines["tpot_latency"] = int(latency.tpot_limit_ms)
    body = [f"*.{name}.{key} = {value}" for key, value in lines.items()]
    return "\n".join((*HEADER, *body)) + "\n"


def effective(
    config: RunConfig,
    scenario: Scenario,
    dataset_count: int,
    rules: Round,
    *,
    mode: Mode = Mode.PERFORMANCE,
    audit: AuditSettings | None = None,
) -> Effective:
    """What LoadGen will make of the configuration; `audit`: of the run's audit.config."""
    rules.scenario_rules(config.model.benchmark, scenario)
    section = config.section(scenario)
    audit = audit or AuditSettings()
    duration_ms = _first(audit.min_duration, round(section.min_duration_s * 1000))
    requested = _first(audit.min_query_count, section.min_query_count)
    count = performance_count(config, dataset_count, mode)
    equal_issue = bool(_first(audit.sample_concatenate_permutation, 1))
    min_queries, samples_per_query, qps = requested, 1, _target_qps(config, scenario)
    if scenario is Scenario.OFFLINE:
        samples_per_query = max(requested, _whole(OFFLINE_SLACK * (duration_ms / 1000) * qps))
        min_queries = 1
    elif scenario is Scenario.SINGLE_STREAM and equal_issue:
        least = max(requested, _whole(SINGLE_STREAM_SLACK * (duration_ms / 1000) * qps))
        # LoadGen adds a whole data set even to a count that is a multiple already.
        min_queries = least + count - least % count
    percentile = _asked_percentile(config, scenario)
    return Effective(
        scenario=scenario,
        mode=mode,
        dataset_count=dataset_count,
        target_qps=qps,
        percentile=99.0 if percentile is None else percentile,
        min_duration_ms=duration_ms,
        requested_min_queries=requested,
        min_queries=min_queries,
        samples_per_query=samples_per_query,
        performance_count=count,
        equal_issue=equal_issue,
    )


def expected_settings(
    config: RunConfig, will: Effective, rules: Round, *, audit: AuditSettings | None = None
) -> dict[str, Any]:
    """Keys of LoadGen's detail log and the values they must have, written as LoadGen logs them.

    Fractions have six significant digits there, so compare them for equality as they are.
    """
    audit = audit or AuditSettings()
    accuracy = will.mode is Mode.ACCURACY
    expected: dict[str, Any] = {
        "qsl_reported_total_count": will.dataset_count,
        "effective_scenario": will.scenario.loadgen_scenario,
        "effective_test_mode": "AccuracyOnly" if accuracy else "PerformanceOnly",
        "effective_samples_per_query": will.samples_per_query,
        "effective_target_qps": logged(will.target_qps),
        "effective_target_latency_percentile": logged(will.percentile * 0.01),
        "effective_min_duration_ms": will.min_duration_ms,
        "effective_max_duration_ms": 0,
        "effective_min_query_count": will.min_queries,
        "effective_max_query_count": 0,
        "effective_qsl_rng_seed": rules.seeds.qsl_rng_seed,
        "effective_sample_index_rng_seed": rules.seeds.sample_index_rng_seed,
        "effective_schedule_rng_seed": rules.seeds.schedule_rng_seed,
        "effective_accuracy_log_rng_seed": audit.accuracy_log_rng_seed,
        "effective_accuracy_log_sampling_target": audit.accuracy_log_sampling_target,
        "effective_performance_issue_unique": False,
        "effective_performance_issue_same": False,
        "effective_performance_sample_count": will.performance_count,
        "effective_sample_concatenate_permutation": will.equal_issue,
        "requested_use_token_latencies": True,
    }
    if Version(rules.loadgen_versions[0]) >= LOGS_ACCURACY_COUNT:
        expected["effective_accuracy_sample_count"] = will.dataset_count
    if will.scenario.loadgen_scenario == "Server":
        limits = config.latency_rules(will.scenario)
        expected["effective_target_latency_ns"] = 0
        expected["requested_server_ttft_latency"] = int(limits.ttft_limit_ms) * 1_000_000
        expected["requested_server_tpot_latency"] = int(limits.tpot_limit_ms) * 1_000_000
    return expected


def _whole(count: float) -> int:
    """A count cut off; one that no 64 bits hold stays too large without being endless."""
    return int(min(count, MOST_COUNT))


def _first(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def logged(value: float) -> float:
    """A fraction as LoadGen's detail log shows it: six significant digits."""
    return float(f"{value:.6g}")


def _target_qps(config: RunConfig, scenario: Scenario) -> float:
    if scenario is Scenario.SINGLE_STREAM:
        return 1e9 / (int(config.single_stream.target_latency_ms) * 1_000_000)
    if scenario is Scenario.OFFLINE:
        return config.offline.target_qps
    return config.latency_rules(scenario).target_qps


def _asked_percentile(config: RunConfig, scenario: Scenario) -> float | None:
    """Offline has none: LoadGen logs 0.99 there whatever is asked."""
    if scenario is Scenario.OFFLINE:
        return None
    if scenario is Scenario.SINGLE_STREAM:
        return config.single_stream.latency_percentile
    return config.latency_rules(scenario).latency_percentile
