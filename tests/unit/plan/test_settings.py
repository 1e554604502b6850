from __future__ import annotations

import pytest

from sut.config.names import Mode, Scenario
from sut.config.rounds import load_round
from sut.plan.audit_config import AUDIT_FILE, AUDIT_ROOT, parse_audit_config
from sut.plan.settings import (
    effective,
    expected_settings,
    loadgen_model,
    performance_count,
    user_conf,
)
from tests.unit.config.loadgen_probe import detail_of, settings_of
from tests.unit.config.support import loaded

ROUND = load_round("v6.1")
COUNT = 48
# Short enough to run here, and unlike every built-in value, so that a lost line shows.
SHORT = {
    "performance_sample_count": ("loadgen.performance_sample_count=30",),
    "offline": ("offline.min_duration_s=0.2", "offline.target_qps=333.5"),
    "server": (
        "server.min_duration_s=0.25",
        "server.target_qps=412.34567",
        "server.min_query_count=70",
        "server.ttft_limit_ms=1999",
        "server.tpot_limit_ms=99",
    ),
    "interactive": (
        "interactive.min_duration_s=0.2",
        "interactive.target_qps=300",
        "interactive.latency_percentile=90",
    ),
    "single_stream": (
        "single_stream.min_duration_s=0.2",
        "single_stream.target_latency_ms=7",
        "single_stream.min_query_count=31",
        "single_stream.latency_percentile=95",
    ),
}
TEST06 = AUDIT_ROOT / "TEST06" / AUDIT_FILE
AUDIT = parse_audit_config(TEST06)


def settings_expected(config, scenario, rules=ROUND, *, mode=Mode.PERFORMANCE, audit=None):
    will = effective(config, scenario, COUNT, rules, mode=mode, audit=audit)
    return expected_settings(config, will, rules, audit=audit)


def short_config():
    flags = [part for keys in SHORT.values() for key in keys for part in ("--set", key)]
    return loaded(*flags).config


def mlperf_config(*flags):
    return loaded("--profile", "mlperf", "--dataset", "synthetic", *flags).config


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("scenario", list(Scenario))
def test_loadgen_takes_the_user_conf_as_expected(scenario, mode, tmp_path):
    config = short_config()
    log = detail_of(
        user_conf(config, scenario, COUNT, ROUND, mode),
        loadgen_model(config, scenario, ROUND),
        scenario.loadgen_scenario,
        tmp_path,
        mode=mode.value,
        total=COUNT,
        performance=performance_count(config, COUNT, mode),
    )
    expected = settings_expected(config, scenario, mode=mode)
    assert {key: log.get(key) for key in expected} == expected


@pytest.mark.parametrize("scenario", list(Scenario))
def test_under_test06_loadgen_takes_the_audits_settings(scenario, tmp_path):
    config = short_config()
    log = detail_of(
        user_conf(config, scenario, COUNT, ROUND),
        loadgen_model(config, scenario, ROUND),
        scenario.loadgen_scenario,
        tmp_path,
        total=COUNT,
        performance=performance_count(config, COUNT),
        audit=TEST06.read_text(),
    )
    expected = settings_expected(config, scenario, audit=AUDIT)
    assert {key: log.get(key) for key in expected} == expected


def test_the_expectation_differs_between_an_audit_and_a_run():
    config = short_config()
    plain = settings_expected(config, Scenario.SERVER)
    audit = settings_expected(config, Scenario.SERVER, audit=AUDIT)
    differing = {key for key in plain if plain[key] != audit[key]}
    assert differing == {
        "effective_min_duration_ms",
        "effective_min_query_count",
        "effective_accuracy_log_rng_seed",
        "effective_accuracy_log_sampling_target",
        "effective_sample_concatenate_permutation",
    }


@pytest.mark.parametrize(
    ("scenario", "line"),
    [
        (Scenario.OFFLINE, "*.Offline.target_qps = 10.0"),
        (Scenario.SERVER, "*.Server.target_qps = 1.0"),
        (Scenario.INTERACTIVE, "*.Server.target_qps = 3.5"),
        (Scenario.SINGLE_STREAM, "*.SingleStream.target_latency = 2000"),
    ],
)
def test_the_mlperf_profile_writes_only_what_the_rules_leave_open(scenario, line, tmp_path):
    config = mlperf_config("--system", "cpu", "--set", "interactive.target_qps=3.5")
    text = user_conf(config, scenario, 13368, ROUND)
    name = scenario.loadgen_scenario
    lines = [row for row in text.splitlines() if not row.startswith("#")]
    expected = [line, f"*.{name}.min_duration = 600000"]
    if scenario is Scenario.OFFLINE:
        expected[0] = f"*.Offline.target_qps = {config.offline.target_qps}"
    if scenario is Scenario.SERVER:
        expected[0] = f"*.Server.target_qps = {config.server.target_qps}"
    assert lines == expected
    # Everything else is then LoadGen's own.
    built_in = settings_of("", loadgen_model(config, scenario, ROUND), name, tmp_path)
    took = settings_of(text, loadgen_model(config, scenario, ROUND), name, tmp_path)
    targets = {"server_target_qps", "offline_expected_qps", "single_stream_expected_latency_ns"}
    assert {k: v for k, v in took.items() if k not in targets} == {
        k: v for k, v in built_in.items() if k not in targets
    }


def test_limits_are_written_only_where_they_differ():
    config = loaded("--set", "interactive.tpot_limit_ms=40").config
    server = user_conf(config, Scenario.SERVER, COUNT, ROUND)
    assert "*.Server.ttft_latency = 5000\n*.Server.tpot_latency = 500\n" in server, "of the system"
    kept = config.model_copy(
        update={
            "server": config.server.model_copy(update={"ttft_limit_ms": 2000, "tpot_limit_ms": 100})
        }
    )
    assert "_latency = " not in user_conf(kept, Scenario.SERVER, COUNT, ROUND)
    interactive = user_conf(config, Scenario.INTERACTIVE, COUNT, ROUND)
    assert "*.Server.tpot_latency = 40\n" in interactive
    assert "ttft_latency" not in interactive


def test_quick_asks_for_the_95th_percentile():
    text = user_conf(loaded().config, Scenario.SERVER, COUNT, ROUND)
    assert "*.Server.target_latency_percentile = 95.0\n" in text


@pytest.mark.parametrize(
    ("scenario", "model"),
    [
        (Scenario.OFFLINE, "llama3_1-8b"),
        (Scenario.SERVER, "llama3_1-8b"),
        (Scenario.INTERACTIVE, "llama3_1-8b-interactive"),
        (Scenario.SINGLE_STREAM, "llama3_1-8b-edge"),
    ],
)
def test_loadgen_model(scenario, model):
    assert loadgen_model(loaded().config, scenario, ROUND) == model


def test_the_edge_benchmark_has_its_own_offline_model():
    config = loaded("--set", "model.benchmark=llama3.1-8b-edge", "--scenario", "Offline").config
    assert loadgen_model(config, Scenario.OFFLINE, ROUND) == "llama3_1-8b-edge"


def test_a_small_data_set_is_used_whole_and_accuracy_asks_every_sample():
    config = loaded().config
    assert config.loadgen.performance_sample_count == 100
    assert performance_count(config, 48) == 48
    assert performance_count(config, 13368) == 100
    assert performance_count(config, 13368, Mode.ACCURACY) == 13368


def test_releases_that_do_not_log_the_accuracy_count_are_not_asked_for_it():
    config = loaded("--round", "v6.0").config
    old = settings_expected(config, Scenario.OFFLINE, load_round("v6.0"))
    assert "effective_accuracy_sample_count" not in old
    assert old["qsl_reported_total_count"] == COUNT


# What is asked of every run's log. A key that is left out is a setting that nobody holds it to.
ASKED = {
    "qsl_reported_total_count", "effective_scenario", "effective_test_mode",
    "effective_samples_per_query", "effective_target_qps", "effective_target_latency_percentile",
    "effective_min_duration_ms", "effective_max_duration_ms", "effective_min_query_count",
    "effective_max_query_count", "effective_qsl_rng_seed", "effective_sample_index_rng_seed",
    "effective_schedule_rng_seed", "effective_accuracy_log_rng_seed",
    "effective_accuracy_log_sampling_target", "effective_performance_issue_unique",
    "effective_performance_issue_same", "effective_performance_sample_count",
    "effective_sample_concatenate_permutation", "requested_use_token_latencies",
    "effective_accuracy_sample_count",
}  # fmt: skip
ASKED_OF_A_SERVER = {
    "effective_target_latency_ns",
    "requested_server_ttft_latency",
    "requested_server_tpot_latency",
}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("scenario", list(Scenario))
def test_each_setting_is_asked_for(scenario, mode):
    asked = settings_expected(short_config(), scenario, mode=mode)
    server = scenario in (Scenario.SERVER, Scenario.INTERACTIVE)
    assert asked.keys() == ASKED | (ASKED_OF_A_SERVER if server else set())
