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
from tests.unit.submission.saboteur import TPOT, TTFT

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
    case = figures_of(folder, name, round_)
    checks = judge([*FIGURES, *SETTINGS], case, PERFORMANCE)
    assert len(checks) > 10
    return list(dict.fromkeys(each.rule for each in checks if not each.passed))


def figures_of(folder: Path, name: str, round_: str = "v6.1") -> LogCase:
    """What the rules on a log alone are given."""
    rules, scenario = load_round(round_), Scenario(name)
    benchmark = "llama3.1-8b-edge" if name == "SingleStream" else "llama3.1-8b"
    found = rules.benchmarks[benchmark]
    demands = round_demands(rules, found, found.scenarios[scenario])
    return LogCase(read_logs(folder), scenario, PERFORMANCE, demands)


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


@pytest.mark.parametrize("name", ["server", "interactive", "singlestream"])
@pytest.mark.parametrize("factor", [0.1, 0.9, 0.97])
def test_ttft_that_is_scaled_down_alone_contradicts_the_latency(
    tmp_path: Path, name: str, factor: float
) -> None:
    """Where each token took alike, as on a steady machine, the means leave no room at all."""
    folder = tmp_path / "run"
    shutil.copytree(RECORDED / name, folder)
    logs, scenario = BothLogs(folder), RECORDINGS[name]
    case = figures_of(folder, scenario)
    tokens, times = mean_tokens(folder), case.figures
    assert times.latency.mean_ns is not None
    assert times.ttft.mean_ns is not None
    step = round((times.latency.mean_ns - times.ttft.mean_ns) / (tokens - 1))
    for key in logs.keys(TPOT):
        logs.set(key, step)
    assert broken(folder, scenario) == []
    for key in logs.keys(TTFT):
        logs.scale(key, factor)
    assert broken(folder, scenario) == ["answer-length"]


def mean_tokens(folder: Path) -> float:
    """Tokens of an answer: those of all for each ns of all latencies, times the mean latency."""
    values = read_logs(folder).detail.values
    per_s, mean_ns = values["result_token_throughput"], values["result_mean_latency_ns"]
    assert isinstance(per_s, int | float)
    assert isinstance(mean_ns, int)
    return per_s * mean_ns


def test_a_figure_is_known_by_its_key() -> None:
    values = read_logs(RECORDED / "server").detail.values
    assert key_of("ttft.p99_9_ns") == "result_first_token_99.90_percentile_latency_ns"
    assert key_of("tpot.min_ns") == "result_time_to_output_token_min"
    assert key_of("warnings") is None
    times = [f"{kind}.{name}" for kind in TIMES for name in ("mean_ns", "p50_ns")]
    assert all(key_of(each) in values for each in times)
    servers = ("valid", "errors", "completed_tokens_per_second", "scheduled_samples_per_second")
    assert all(KEYS[each] in values for each in servers)
