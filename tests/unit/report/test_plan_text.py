from __future__ import annotations

import json

import pytest

from sut.config.rounds import load_round
from sut.plan.audit_config import AUDIT_FILE, AUDIT_ROOT
from sut.plan.run_plan import plan_runs
from sut.report.plan_text import plan_document, render_plan
from tests.unit.config.support import loaded

ROUND = load_round("v6.1")
COUNT = 48


def test_the_rendered_plan_shows_runs_values_and_sources():
    result = loaded("--set", "server.target_qps=3", "--scenario", "Offline,Server")
    plans = plan_runs(result.config, ROUND, COUNT)
    text = render_plan(result, plans)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "server.target_qps 3.0 --set server.target_qps" in lines
    assert "node_name node-a host name" in lines
    assert "engine.start_timeout_s 900.0 default" in lines
    assert any(line.startswith("not submittable: the quick profile") for line in lines)
    assert (
        f"Offline performance: about {plans[0].forecast.queries_expected} samples in about 1 min"
        in lines
    )
    assert "not measured" not in text
    assert set(result.origins) <= {line.split()[0] for line in lines if line}


def test_the_rendered_plan_says_what_never_ran_on_the_card():
    result = loaded("--system", "a30-bf16")
    assert "not measured: the settings of a30-bf16" in render_plan(result, [])


@pytest.mark.parametrize(
    ("qps", "shown"), [(1000, "in about 0 s"), (1, "in about 2 min"), (0.01, "in about 2 h 47 min")]
)
def test_durations_are_shown_for_people(qps, shown):
    result = loaded(
        "--scenario",
        "Offline",
        "--set",
        f"offline.target_qps={qps}",
        "--set",
        "offline.min_duration_s=0",
        "--set",
        "offline.min_query_count=100",
    )
    assert shown in render_plan(result, plan_runs(result.config, ROUND, 100))


def test_a_compliance_run_is_shown_by_its_test_and_its_file():
    result = loaded("--mode", "compliance", "--scenario", "Server")
    text = render_plan(result, plan_runs(result.config, ROUND, COUNT))
    assert "  Server TEST06: about 100 queries" in text
    assert f"    under {AUDIT_ROOT / 'TEST06' / AUDIT_FILE}" in text


def test_the_document_holds_all_that_loadgen_is_given():
    result = loaded("--mode", "all", "--scenario", "Interactive")
    plans = plan_runs(result.config, ROUND, COUNT)
    runs = json.loads(json.dumps(plan_document(result, plans)))["runs"]
    assert [run["test"] for run in runs] == [None, None, "TEST06"]
    for run, plan in zip(runs, plans, strict=True):
        assert run["user_conf"] == plan.user_conf
        assert run["loadgen_model"] == "llama3_1-8b-interactive"
        assert run["expected_settings"] == dict(plan.expected_settings)
    assert [run["audit_config_sha256"] is None for run in runs] == [True, True, False]


def test_the_rendered_plan_says_which_rate_is_measured_first():
    result = loaded("--set", "server.target_qps=3")
    text = render_plan(result, plan_runs(result.config, ROUND, COUNT, result.origins))
    said = "target_qps is auto: a probe after the warm-up measures the rate"
    offline, server = text.split("Server performance")
    assert said in offline
    assert said not in server
