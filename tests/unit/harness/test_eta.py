"""What is said of how long a run takes; tests/property/test_eta.py has whole runs."""

from __future__ import annotations

import pytest

from sut.config.names import Mode, Scenario
from sut.harness.eta import Pace, Seen, pace_of, seconds_left
from sut.plan.forecast import Forecast
from sut.plan.run_id import RunId
from sut.plan.run_plan import RunPlan

WILL = {"effective_min_query_count": 270, "effective_min_duration_ms": 600_000}


def plan(scenario: Scenario, mode: Mode = Mode.PERFORMANCE) -> RunPlan:
    return RunPlan(
        run=RunId(scenario, mode),
        loadgen_model="",
        user_conf="",
        total_count=1,
        performance_count=1,
        expected_settings=WILL,
        audit=None,
        forecast=Forecast(1000, 2000, 500.0, ""),
    )


@pytest.mark.parametrize(
    ("scenario", "mode", "least"),
    [
        (Scenario.SERVER, Mode.PERFORMANCE, (270, 600)),
        (Scenario.SINGLE_STREAM, Mode.PERFORMANCE, (270, 600)),
        (Scenario.SERVER, Mode.COMPLIANCE, (270, 600)),
        # LoadGen calls all of Offline one query, and waits for no minimum where accuracy is meant.
        (Scenario.OFFLINE, Mode.PERFORMANCE, (1000, 600)),
        (Scenario.SERVER, Mode.ACCURACY, (1000, 0)),
    ],
)
def test_a_pace_is_the_plans(scenario: Scenario, mode: Mode, least: tuple[int, float]) -> None:
    pace = pace_of(plan(scenario, mode))
    assert (pace.min_queries, pace.min_duration_s) == least
    assert (pace.queries, pace.queries_at_most, pace.duration_s) == (1000, 2000, 500)


OFFLINE = Pace(Scenario.OFFLINE, 1024, 1024, 102.4, 1024, 0)
SLOW = Pace(Scenario.OFFLINE, 128, 128, 21.0, 128, 0)
SERVER = Pace(Scenario.SERVER, 600, 600, 60.0, 600, 60)
STREAM = Pace(Scenario.SINGLE_STREAM, 200, 200, 100.0, 100, 60)


@pytest.mark.parametrize(
    ("pace", "seen", "left_s"),
    [
        # "1/1024 after 3 s, ETA 3073 s" was said once: one answer was short.
        (OFFLINE, Seen(3, 1024, 1, 3.0, 1, 1023), 99.4),
        # "1/128 after 192 s, ETA 24436 s": the plan is used up, and one answer tells no rate.
        (SLOW, Seen(192, 128, 1, 192.0, 1, 127), None),
        (SLOW, Seen(100, 128, 0), None),
        # Ten after the first, for half as long as it took: enough without a plan.
        (SLOW, Seen(150, 128, 11, 100.0, 1, 127), 117 * 5),
        (SLOW, Seen(149, 128, 11, 100.0, 1, 127), None),
        (SLOW, Seen(150, 128, 10, 100.0, 1, 127), None),
        # Ten of twenty, and the plan: half of each.
        (OFFLINE, Seen(20, 1024, 11, 10.0, 1, 1023), (82.4 + 1013) / 2),
        (OFFLINE, Seen(500, 1024, 1024, 3.0, 1, 1023), 0),
        (OFFLINE, Seen(0, 0, 0), 102.4),
        # The schedule goes on, and one waits a tenth of a second.
        (SERVER, Seen(10, 100, 99, 0.1, 1, 1), 50 + 9.9 / 98),
        # All are asked, none is answered.
        (SERVER, Seen(61, 600, 0), None),
        (SERVER, Seen(61, 600, 600, 0.1, 1, 1), 0),
        # LoadGen is late with its last ones.
        (SERVER, Seen(61, 590, 590, 0.1, 1, 1), 1),
        # The first query takes longer than each was to take.
        (STREAM, Seen(0.4, 1, 0), 59.6),
        (STREAM, Seen(0.6, 1, 0), None),
        # Used up before the minimum duration.
        (STREAM, Seen(10, 191, 190, 0.05, 1), 10 * 10 / 190),
    ],
)
def test_what_is_left(pace: Pace, seen: Seen, left_s: float | None) -> None:
    assert seconds_left(pace, seen) == (None if left_s is None else pytest.approx(left_s))
