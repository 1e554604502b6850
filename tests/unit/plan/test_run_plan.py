from __future__ import annotations

import dataclasses
import hashlib

import pytest

from sut.config.names import Mode, Scenario
from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.plan.audit_config import AUDIT_FILE, AUDIT_ROOT, parse_audit_config
from sut.plan.forecast import forecast
from sut.plan.run_id import run_ids
from sut.plan.run_plan import plan_runs, read_audit_configs
from sut.plan.settings import performance_count, user_conf
from tests.unit.config.support import loaded

ROUND = load_round("v6.1")
COUNT = 48
SHIPPED = AUDIT_ROOT / "TEST06" / AUDIT_FILE
ALL = ("--mode", "all", "--scenario", "Offline,Server,Interactive,SingleStream")


def test_every_run_is_planned_in_the_order_it_is_made():
    config = loaded(*ALL).config
    assert [plan.run for plan in plan_runs(config, ROUND, COUNT)] == run_ids(config)


def test_a_plan_holds_what_its_parts_say():
    config = loaded(*ALL, "--set", "loadgen.performance_sample_count=10").config
    for plan in plan_runs(config, ROUND, COUNT):
        scenario, mode = plan.run.scenario, plan.run.mode
        audit = parse_audit_config(SHIPPED) if plan.run.test else None
        assert plan.user_conf == user_conf(config, scenario, COUNT, ROUND, mode)
        assert plan.performance_count == performance_count(config, COUNT, mode)
        assert plan.total_count == plan.expected_settings["qsl_reported_total_count"] == COUNT
        assert plan.forecast == forecast(config, scenario, COUNT, ROUND, mode=mode, audit=audit)
        assert (plan.audit is not None) is (mode is Mode.COMPLIANCE)


def test_the_audit_config_is_told_with_its_checksum():
    config = loaded("--mode", "compliance", "--scenario", "Server").config
    (plan,) = plan_runs(config, ROUND, COUNT)
    assert plan.audit is not None
    assert plan.audit.path == SHIPPED
    assert plan.audit.sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest()
    assert plan.expected_settings["effective_accuracy_log_sampling_target"] == 100


def test_a_plan_cannot_be_changed():
    (plan,) = plan_runs(loaded("--scenario", "Offline").config, ROUND, COUNT)
    with pytest.raises(dataclasses.FrozenInstanceError):
        plan.user_conf = ""  # type: ignore[misc]
    with pytest.raises(TypeError):
        plan.expected_settings["effective_target_qps"] = 0  # type: ignore[index]


def test_a_mode_without_a_run_is_refused():
    config = loaded("--mode", "compliance", "--scenario", "SingleStream").config
    with pytest.raises(ConfigError, match="has no compliance test in round"):
        plan_runs(config, ROUND, COUNT)


def test_a_bad_audit_config_is_refused_before_any_data_set_is_needed(tmp_path):
    bad = tmp_path / "audit.config"
    bad.write_text("*.*.mode = 3\n")
    config = loaded(
        "--mode", "compliance", "--scenario", "Server", "--set", f"compliance.audit_config={bad}"
    ).config
    with pytest.raises(ConfigError, match="mode is 3, must be 2"):
        read_audit_configs(config)


@pytest.mark.parametrize("scenario", list(Scenario))
def test_each_scenario_has_its_section(scenario):
    config = loaded().config
    other = {
        each: config.model_copy(
            update={each.section: config.section(each).model_copy(update={"min_query_count": 7})}
        )
        for each in Scenario
    }
    changed = {each for each in Scenario if other[each].section(scenario).min_query_count == 7}
    assert changed == {scenario}
