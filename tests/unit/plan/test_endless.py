from __future__ import annotations

import pytest

from sut.config.names import Mode, Scenario
from sut.config.quantities import MAX_DURATION_S, MAX_QUERIES
from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.plan.audit_config import AuditSettings
from sut.plan.forecast import forecast
from sut.plan.run_plan import plan_runs
from tests.unit.config.support import loaded

ROUND = load_round("v6.1")
COUNT = 48


def plans(*assignments, scenario, mode="performance"):
    flags = [part for key in assignments for part in ("--set", key)]
    result = loaded("--scenario", scenario, "--mode", mode, *flags)
    return plan_runs(result.config, ROUND, COUNT, result.origins)


# (scenario, mode, what is set, the key that is named, what is wrong, the remedy)
ENDLESS = [
    ("Server", "performance", ["server.target_qps=1e6"], "server.target_qps", "queries", "Lower"),
    ("Server", "performance", ["server.target_qps=1e-6"], "server.target_qps", "days", "Raise"),
    ("Server", "accuracy", ["server.target_qps=1e-6"], "server.target_qps", "days", "Raise"),
    ("Server", "compliance", ["server.target_qps=1e-6"], "server.target_qps", "days", "Raise"),
    ("Offline", "performance", ["offline.target_qps=1e6"], "offline.target_qps", "qu", "Lower"),
    ("Offline", "performance", ["offline.target_qps=1e-6"], "offline.target_qps", "days", "Raise"),
    (
        "SingleStream",
        "performance",
        ["single_stream.target_latency_ms=86400000"],
        "single_stream.target_latency_ms",
        "days",
        "Lower",
    ),
    (
        "SingleStream",
        "performance",
        ["single_stream.target_latency_ms=1", "single_stream.min_duration_s=2e6"],
        "single_stream.target_latency_ms",
        "queries",
        "Raise",
    ),
]


@pytest.mark.parametrize(("scenario", "mode", "assignments", "key", "wrong", "remedy"), ENDLESS)
def test_an_endless_run_is_refused_with_the_key_to_change(
    scenario, mode, assignments, key, wrong, remedy
):
    with pytest.raises(ConfigError) as caught:
        plans(*assignments, scenario=scenario, mode=mode)
    error = caught.value
    assert error.exit_code == 2
    assert error.where == f"--set {key}"
    assert error.message.startswith(f"{key} is ")
    assert wrong in error.message
    assert (error.remedy or "").startswith(remedy)


def test_an_audit_config_may_not_ask_for_more_either():
    config = loaded("--scenario", "Server").config
    audit = AuditSettings(min_query_count=MAX_QUERIES + 1)
    with pytest.raises(ConfigError, match="min_query_count is 50000001, so the Server"):
        forecast(config, Scenario.SERVER, COUNT, ROUND, mode=Mode.COMPLIANCE, audit=audit)


def test_the_most_that_can_be_planned_is_planned():
    (plan,) = plans(
        f"offline.min_query_count={MAX_QUERIES}",
        "offline.target_qps=1000",
        "loadgen.performance_sample_count=10",
        scenario="Offline",
    )
    assert plan.forecast.queries_expected == MAX_QUERIES
    (plan,) = plans(
        f"server.min_duration_s={MAX_DURATION_S}", "server.target_qps=0.01", scenario="Server"
    )
    assert plan.forecast.duration_expected_s >= MAX_DURATION_S


def test_no_mode_of_a_scenario_escapes():
    for scenario in Scenario:
        key = (
            "target_latency_ms=86400000"
            if scenario is Scenario.SINGLE_STREAM
            else "target_qps=1e-6"
        )
        for mode in Mode:
            if (scenario, mode) == (Scenario.SINGLE_STREAM, Mode.COMPLIANCE):
                continue  # the edge benchmark has no compliance test
            with pytest.raises(ConfigError, match="days"):
                plans(f"{scenario.section}.{key}", scenario=scenario.value, mode=mode.value)
