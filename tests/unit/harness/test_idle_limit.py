"""How long LoadGen may be without a query in flight before it counts as hanging."""

from __future__ import annotations

import pytest

from sut.config.names import Mode, Scenario
from sut.harness.loadgen_run import idle_limit_s
from sut.plan.forecast import Forecast
from sut.plan.run_id import RunId
from sut.plan.run_plan import RunPlan


def plan(scenario: Scenario, queries: int, duration_s: float) -> RunPlan:
    return RunPlan(
        run=RunId(scenario, Mode.PERFORMANCE),
        loadgen_model="",
        user_conf="",
        total_count=1,
        performance_count=1,
        expected_settings={},
        audit=None,
        forecast=Forecast(queries, queries, duration_s, ""),
    )


@pytest.mark.parametrize(
    ("scenario", "queries", "duration_s", "limit_s"),
    [
        # 60 s that an engine may be silent, 1 ms a query for the logs.
        (Scenario.OFFLINE, 24_000, 600, 84),
        (Scenario.SINGLE_STREAM, 1000, 600, 61),
        # And 30 mean gaps between two arrivals.
        (Scenario.SERVER, 1000, 500, 76),
        (Scenario.INTERACTIVE, 1, 500, 15_060.001),
    ],
)
def test_it_follows_from_the_plan(
    scenario: Scenario, queries: int, duration_s: float, limit_s: float
) -> None:
    assert idle_limit_s(60, plan(scenario, queries, duration_s)) == pytest.approx(limit_s)
