"""The figures of a run that is INVALID are in no measurement: it is named, with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sut.bench import engine, harness, replicas
from sut.commands import bench
from sut.config.names import Scenario
from sut.errors import Interrupted

WHY = "Server: LoadGen's verdict: INVALID, must be == VALID"
# Tokens/s of three runs through LoadGen; the second one is INVALID and the fastest.
RATES, VALID = (100.0, 900.0, 120.0), (True, False, True)


def outcome(scenario: Scenario, rate: float, valid: bool = True, interrupted: bool = False) -> Any:
    """What a call of the harness gives."""
    run = SimpleNamespace(
        achieved_qps=rate,
        throughput_tokens_per_sec=rate,
        queries=SimpleNamespace(issued=5),
        tokens_out=50,
        ttft=None,
        engine_figures={},
    )
    return SimpleNamespace(
        interrupted=interrupted,
        session=SimpleNamespace(root=Path("results/bench/kept")),
        result=SimpleNamespace(
            valid=valid, reasons=[] if valid else [WHY], scenarios={scenario: run}
        ),
    )


@pytest.fixture
def raw_runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three calls of the harness, the second INVALID; and what ran without it."""
    runs: Iterator[tuple[float, bool]] = iter(zip(RATES, VALID, strict=True))
    patterns: list[str] = []

    def run_benchmark(loaded: Any, console: Any) -> Any:
        (scenario,) = loaded.config.scenarios
        return outcome(scenario, *next(runs))

    def alone(config: Any, pattern: str) -> Any:
        patterns.append(pattern)
        return SimpleNamespace(samples=5, tokens=50, tokens_per_s=100.0, start_s=30.0)

    def pair(config: Any, outcome: Any, number: int) -> replicas.Pair:
        (scenario,) = config.scenarios
        rate = outcome.result.scenarios[scenario].throughput_tokens_per_sec
        sides = [replicas.Side(5, 50, each, None) for each in (rate, 100.0)]
        return replicas.Pair(scenario.value, number, *sides)

    monkeypatch.setattr(harness, "run_benchmark", run_benchmark)
    monkeypatch.setattr(engine, "alone", alone)
    monkeypatch.setattr(replicas, "_pair", pair)
    return patterns


@pytest.mark.usefixtures("raw_runs")
def test_a_rate_that_is_invalid_has_a_reason_and_no_figure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = ["harness", "--rates", "10,20,30", "--offline-samples", "0"]
    assert bench.main(command) == 1
    said = capsys.readouterr().out
    assert [line.split()[2] for line in said.splitlines()[2:4]] == ["100.0", "120.0"]
    assert said.splitlines()[-1] == (
        f"INVALID: 20 queries/s, Server: {WHY} (kept in results/bench/kept)"
    )
    assert "900" not in said


def test_a_round_that_is_invalid_enters_no_median_and_no_raw_engine_runs_beside_it(
    raw_runs: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(["engine", "--rounds", "3", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [each["round"] for each in document["measured"]] == [1, 1, 1, 3, 3, 3]
    assert document["median_ratio"] == dict.fromkeys(engine.BASELINES, 1.1)
    assert [each["invalid_because"] for each in document["invalid"]] == [[WHY]]
    assert len(raw_runs) == 4


@pytest.mark.usefixtures("raw_runs")
def test_a_pair_whose_run_is_invalid_enters_no_median(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = iter([(RATES[0], True), (RATES[1], False)])
    monkeypatch.setattr(
        harness,
        "run_benchmark",
        lambda loaded, console: outcome(loaded.config.scenarios[0], *next(runs)),
    )
    assert bench.main(["replicas", "--replicas", "2", "--rounds", "1"]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        "Offline: replicas / raw 1.000 (median of 1 rounds, tokens/s)",
        "Server: replicas / raw - (median of 0 rounds, tokens/s)",
    ]
    assert said[2].startswith("INVALID: round 1, Server: ")


def test_valid_runs_exit_with_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        harness,
        "run_benchmark",
        lambda loaded, console: outcome(loaded.config.scenarios[0], 100.0),
    )
    assert bench.main(["harness", "--rates", "10", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (len(document["measured"]), document["invalid"]) == (2, [])


def test_ctrl_c_ends_the_measurement_and_not_one_run_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        harness,
        "run_benchmark",
        lambda loaded, console: outcome(loaded.config.scenarios[0], 1.0, False, interrupted=True),
    )
    with pytest.raises(Interrupted, match="results/bench/kept"):
        bench.main(["harness", "--rates", "10,20"])
