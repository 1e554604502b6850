"""What the raw engines beside a pool of replicas are given; none is started here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sut.bench import replicas
from sut.config.names import Scenario
from sut.engines.vllm.raw_process import RawMeasurement, RawRequest
from tests.unit.config.support import loaded

COLUMNS = {
    "issued_ns": np.array([0, 10, 20, 30]) * 10**9,
    "sample_index": np.array([7, 8, 9, 7]),
    "replica": np.array([1, 1, 0, 1]),
}


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[RawRequest]:
    """What would have been started."""
    asked: list[RawRequest] = []

    def run_raw(requests: list[RawRequest]) -> list[RawMeasurement]:
        asked.extend(requests)
        return [RawMeasurement(r.pattern, len(r.prompts), 1, 0, 10**9, [5]) for r in requests]

    inputs = SimpleNamespace(
        dataset=SimpleNamespace(prompt=lambda index: np.array([index])),
        warmup_prompts=[],
        model_path=Path("/model"),
        longest_prompt=1,
    )
    monkeypatch.setattr(replicas, "run_raw", run_raw)
    monkeypatch.setattr(replicas, "load_inputs", lambda config: inputs)
    return asked


def raw(scenario: Scenario, places: list[dict[str, Any]]) -> replicas.Side:
    return replicas._raw(loaded("--system", "a30-bf16").config, scenario, COLUMNS, places)


def test_each_raw_engine_runs_on_the_cards_of_its_replica(requests: list[RawRequest]) -> None:
    cards = [["GPU-a", "GPU-b"], ["GPU-c", "GPU-d"]]
    raw(Scenario.OFFLINE, [{"cores": [0], "gpu_uuids": each} for each in cards])
    assert [r.environment["CUDA_VISIBLE_DEVICES"] for r in requests] == [
        "GPU-a,GPU-b",
        "GPU-c,GPU-d",
    ]


def test_without_cards_nothing_is_said_of_them(requests: list[RawRequest]) -> None:
    raw(Scenario.OFFLINE, [{"cores": [0], "gpu_uuids": []}, {"cores": [1], "gpu_uuids": []}])
    assert [r.cores for r in requests] == [[0], [1]]
    assert not any("CUDA_VISIBLE_DEVICES" in r.environment for r in requests)


def test_offline_is_dealt_out_and_server_given_as_the_replicas_had_it(
    requests: list[RawRequest],
) -> None:
    places = [{"cores": [0], "gpu_uuids": []}, {"cores": [1], "gpu_uuids": []}]
    raw(Scenario.OFFLINE, places)
    assert [r.prompts for r in requests] == [[[7], [9]], [[8], [7]]]
    requests.clear()
    assert raw(Scenario.SERVER, places).samples == 4
    assert [r.prompts for r in requests] == [[[9]], [[7], [8], [7]]]
    assert [r.arrive_s for r in requests] == [[20.0], [0.0, 10.0, 30.0]]
