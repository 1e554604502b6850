from __future__ import annotations

import pytest

from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.plan.forecast import plan
from sut.report.plan_text import render_plan
from tests.unit.config.support import loaded

ROUND = load_round("v6.1")
COUNT = 48


def test_the_rendered_plan_shows_runs_values_and_sources():
    result = loaded("--set", "server.target_qps=3", "--scenario", "Offline,Server")
    plans = [plan(result.config, s, COUNT, ROUND) for s in result.config.scenarios]
    text = render_plan(result, plans)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "server.target_qps 3.0 --set server.target_qps" in lines
    assert "node_name node-a host name" in lines
    assert "engine.start_timeout_s 900.0 default" in lines
    assert any(line.startswith("not submittable: the quick profile") for line in lines)
    assert f"Offline performance: about {plans[0].queries_expected} samples in about 1 min" in lines
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
        "--set",
        f"offline.target_qps={qps}",
        "--set",
        "offline.min_duration_s=0",
        "--set",
        "offline.min_query_count=100",
    )
    item = plan(result.config, Scenario.OFFLINE, 100, ROUND)
    assert shown in render_plan(result, [item])
