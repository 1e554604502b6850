from __future__ import annotations

import pytest

from sut.config.names import Mode, Scenario
from sut.config.rounds import load_round
from sut.plan.audit_config import audit_config_path, parse_audit_config
from sut.plan.forecast import forecast, schedule_ns
from sut.plan.settings import loadgen_model, performance_count, user_conf
from tests.unit.config.loadgen_probe import detail_of
from tests.unit.config.support import loaded

ROUND = load_round("v6.1")
COUNT = 48


def config_of(*assignments):
    return loaded(*(part for key in assignments for part in ("--set", key))).config


def real(config, scenario, tmp_path, mode=Mode.PERFORMANCE, audit=None):
    return detail_of(
        user_conf(config, scenario, COUNT, ROUND, mode),
        loadgen_model(config, scenario, ROUND),
        scenario.loadgen_scenario,
        tmp_path,
        mode=mode.value,
        total=COUNT,
        performance=performance_count(config, COUNT, mode),
        audit=audit,
    )


@pytest.mark.parametrize(
    "assignments",
    [
        # The count asked for, the duration, and a multiple that needs no rounding.
        ("offline.min_query_count=100", "offline.min_duration_s=0", "offline.target_qps=5"),
        ("offline.min_query_count=1", "offline.min_duration_s=2.5", "offline.target_qps=38.4"),
        ("offline.min_query_count=96", "offline.min_duration_s=0.1"),
    ],
)
def test_offline_is_loadgens_count(assignments, tmp_path):
    config = config_of(*assignments)
    log = real(config, Scenario.OFFLINE, tmp_path)
    expected = forecast(config, Scenario.OFFLINE, COUNT, ROUND)
    assert log["generated_query_count"] == 1
    assert log["generated_samples_per_query"] == expected.queries_expected


@pytest.mark.parametrize(
    "assignments",
    [
        ("min_query_count=100", "min_duration_s=0", "target_qps=900"),
        ("min_query_count=1", "min_duration_s=0.5", "target_qps=777.7"),
        # The first count whose schedule reaches the duration is rounded up here, and a mean
        # of qps x duration would not foretell it.
        ("min_query_count=48", "min_duration_s=0.5", "target_qps=96"),
        ("min_query_count=200", "min_duration_s=0.1", "target_qps=2000"),
    ],
)
@pytest.mark.parametrize("scenario", [Scenario.SERVER, Scenario.INTERACTIVE])
def test_server_is_loadgens_schedule(assignments, scenario, tmp_path):
    config = config_of(*(f"{scenario.value.casefold()}.{key}" for key in assignments))
    log = real(config, scenario, tmp_path)
    expected = forecast(config, scenario, COUNT, ROUND)
    assert log["generated_query_count"] == expected.queries_expected
    assert log["result_query_count"] == expected.queries_expected
    # LoadGen logs the time of the arrival that would have come next.
    qps = config.latency_rules(scenario).target_qps
    times = schedule_ns(ROUND, qps, expected.queries_expected + 1)
    assert log["generated_query_duration"] == times[-1]
    assert expected.duration_expected_s == times[-2] / 1e9


@pytest.mark.parametrize(
    "assignments",
    [
        ("min_query_count=20", "min_duration_s=0.1", "target_latency_ms=10"),
        ("min_query_count=48", "min_duration_s=0", "target_latency_ms=1"),
        ("min_query_count=1", "min_duration_s=0.2", "target_latency_ms=3"),
        # The duration is no multiple of the period: one more data set is prepared.
        ("min_query_count=1", "min_duration_s=0.1430", "target_latency_ms=6"),
    ],
)
def test_single_stream_is_loadgens_count(assignments, tmp_path):
    config = config_of(*(f"single_stream.{key}" for key in assignments))
    log = real(config, Scenario.SINGLE_STREAM, tmp_path)
    expected = forecast(config, Scenario.SINGLE_STREAM, COUNT, ROUND)
    assert log["generated_query_count"] == expected.queries_at_most
    assert log["effective_min_query_count"] == expected.queries_expected


@pytest.mark.parametrize("scenario", list(Scenario))
def test_accuracy_asks_every_sample_once(scenario, tmp_path):
    config = config_of(
        "server.target_qps=500",
        "interactive.target_qps=500",
        "loadgen.performance_sample_count=10",
    )
    log = real(config, scenario, tmp_path, Mode.ACCURACY)
    issued = log["generated_query_count"] * log["generated_samples_per_query"]
    expected = forecast(config, scenario, COUNT, ROUND, mode=Mode.ACCURACY)
    assert issued == expected.queries_expected
    if scenario.loadgen_scenario == "Server":
        times = schedule_ns(ROUND, 500, COUNT + 1)
        assert log["generated_query_duration"] == times[-1]
        assert expected.duration_expected_s == times[-2] / 1e9


@pytest.mark.parametrize("scenario", list(Scenario))
def test_an_audit_run_asks_a_hundred(scenario, tmp_path):
    config = config_of("server.target_qps=900", "interactive.target_qps=900")
    shipped = audit_config_path(config, "TEST06")
    log = real(config, scenario, tmp_path, audit=shipped.read_text())
    audit = parse_audit_config(shipped)
    expected = forecast(config, scenario, COUNT, ROUND, mode=Mode.COMPLIANCE, audit=audit)
    assert log["generated_query_count"] * log["generated_samples_per_query"] == 100
    assert expected.queries_expected == 100


@pytest.mark.parametrize(
    ("qps", "queries"), [(21, 13368), (22.2, 26736), (25, 26736), (100, 66840)]
)
def test_the_full_counts_that_were_seen(qps, queries):
    config = loaded(
        "--profile", "mlperf", "--dataset", "synthetic", "--set", f"server.target_qps={qps}"
    ).config
    expected = forecast(config, Scenario.SERVER, 13368, ROUND)
    assert expected.queries_expected == queries
    assert expected.duration_expected_s >= 600
    assert "rounded up to whole multiples of 13368 samples" in expected.why


def test_the_full_offline_rehearsal():
    config = loaded("--profile", "mlperf", "--system", "cpu-dummy", "--scenario", "Offline").config
    expected = forecast(config, Scenario.OFFLINE, 13368, ROUND)
    assert (expected.queries_expected, expected.queries_at_most) == (40104, 40104)
    assert expected.duration_expected_s == pytest.approx(40104 / 45)


def test_single_stream_takes_at_least_the_count_and_the_duration():
    config = config_of(
        "single_stream.target_latency_ms=1000",
        "single_stream.min_duration_s=60",
        "single_stream.min_query_count=100",
    )
    expected = forecast(config, Scenario.SINGLE_STREAM, COUNT, ROUND)
    assert expected.queries_expected == 144
    assert expected.duration_expected_s == pytest.approx(144)
