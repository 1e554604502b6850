"""The figures of a recorded log follow from each other, and one that is changed does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.logs.figure_keys import KEYS, TIMES, key_of
from sut.logs.run_logs import read_logs
from sut.rules.case import LogCase
from sut.rules.catalogue import judge
from sut.rules.demands import round_demands
from sut.rules.rule import PERFORMANCE
from tests.unit.result.sessions import FOREIGN, RECORDED
from tests.unit.submission.official_runs import BothLogs

FIGURES = ("times-in-order", "counts-agree", "rates-follow", "answer-length", "stamps-agree")
SETTINGS = ("settings-taken-over", "settings-fixed")
RECORDINGS = {
    "offline": "Offline",
    "server": "Server",
    "interactive": "Interactive",
    "singlestream": "SingleStream",
}
PUBLISHED = {
    "redhat_l40s_8b_offline": "Offline",
    "intel_gnr_8b_server": "Server",
    "dell_b200_8b_interactive": "Interactive",
    "nvidia_jetson_8b-edge_singlestream": "SingleStream",
}


def broken(folder: Path, name: str, round_: str = "v6.1") -> list[str]:
    """The rules that the log does not keep."""
    rules, scenario = load_round(round_), Scenario(name)
    benchmark = "llama3.1-8b-edge" if name == "SingleStream" else "llama3.1-8b"
    found = rules.benchmarks[benchmark]
    demands = round_demands(rules, found, found.scenarios[scenario])
    case = LogCase(read_logs(folder), scenario, PERFORMANCE, demands)
    checks = judge([*FIGURES, *SETTINGS], case, PERFORMANCE)
    assert len(checks) > 10
    return list(dict.fromkeys(each.rule for each in checks if not each.passed))


@pytest.mark.parametrize("recording", RECORDINGS)
def test_the_figures_of_a_recorded_log_agree(recording: str) -> None:
    assert broken(RECORDED / recording, RECORDINGS[recording]) == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_figures_of_published_logs_agree(name: str) -> None:
    if not (FOREIGN / name).is_dir():
        pytest.skip(f"there is no {name} beside the checkout")
    assert broken(FOREIGN / name, PUBLISHED[name], "v5.1") == []


CHANGED = {
    "queries without overhead": ("result_qps_without_loadgen_overhead", 1.001, "rates-follow"),
    "fewer queries with overhead": ("result_qps_with_loadgen_overhead", 0.9, "rates-follow"),
    "more queries with overhead": ("result_qps_with_loadgen_overhead", 1.1, "rates-follow"),
    "tokens by latency": ("result_token_throughput", 1.001, "rates-follow"),
    "tokens with overhead": (
        "result_token_throughput_with_loadgen_overhead",
        1.001,
        "rates-follow",
    ),
    "the longest latency": ("result_max_latency_ns", 0.5, "times-in-order"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_a_figure_that_is_changed_contradicts_others(tmp_path: Path, case: str) -> None:
    shutil.copytree(RECORDED / "singlestream", tmp_path / "run")
    key, factor, rule = CHANGED[case]
    BothLogs(tmp_path / "run").scale(key, factor)
    found = broken(tmp_path / "run", "SingleStream")
    assert rule in found


def test_a_figure_is_known_by_its_key() -> None:
    values = read_logs(RECORDED / "server").detail.values
    assert key_of("ttft.p99_9_ns") == "result_first_token_99.90_percentile_latency_ns"
    assert key_of("tpot.min_ns") == "result_time_to_output_token_min"
    assert key_of("warnings") is None
    times = [f"{kind}.{name}" for kind in TIMES for name in ("mean_ns", "p50_ns")]
    assert all(key_of(each) in values for each in times)
    servers = ("valid", "errors", "completed_tokens_per_second", "scheduled_samples_per_second")
    assert all(KEYS[each] in values for each in servers)
