from __future__ import annotations

from sut.plan.run_id import run_ids
from tests.unit.config.support import loaded


def test_all_makes_every_run_of_a_scenario_before_the_next():
    made = run_ids(loaded("--mode", "all", "--scenario", "Offline,Server").config)
    assert [(run.scenario.value, run.folder) for run in made] == [
        ("Offline", "performance"),
        ("Offline", "accuracy"),
        ("Offline", "TEST06"),
        ("Server", "performance"),
        ("Server", "accuracy"),
        ("Server", "TEST06"),
    ]


def test_the_edge_benchmark_has_no_compliance_run():
    config = loaded("--mode", "all", "--scenario", "SingleStream").config
    assert [run.folder for run in run_ids(config)] == ["performance", "accuracy"]
