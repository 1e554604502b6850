"""Policies are measured in turn, on the limits that let a tail be measured."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from sut.bench import dispatch, harness
from sut.commands import bench
from sut.errors import ConfigError

MS = 1_000_000


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The configurations of the runs that were asked for; each has its number for its tails."""
    found: list[Any] = []

    def run_benchmark(loaded: Any, console: Console) -> Any:
        found.append(loaded.config)
        tail = SimpleNamespace(mean_ns=MS, p99_ns=len(found) * MS)
        run = SimpleNamespace(
            queries=SimpleNamespace(issued=9), achieved_qps=1.0, ttft=tail, tpot=None
        )
        result = SimpleNamespace(valid=True, reasons=[], scenarios={"Server": run})
        return SimpleNamespace(interrupted=False, session=None, result=result)

    monkeypatch.setattr(harness, "run_benchmark", run_benchmark)
    return found


WORDS = ("dispatch", "--replicas", "2", "--engine", "null", "--rate", "9", "--rounds", "3")


def test_policies_take_turns_at_going_first(
    asked: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.main(WORDS) == 0
    assert [each.engine.ray.dispatch for each in asked] == [
        *("tokens", "prefill-weighted"),
        *("prefill-weighted", "tokens"),
        *("tokens", "prefill-weighted"),
    ]
    assert {each.server.ttft_limit_ms for each in asked} == {dispatch.LIMIT_MS}
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "ttft_p99_ms tokens: 4 (1 to 5), 3 rounds",
        "ttft_p99_ms prefill-weighted: 3 (2 to 6), 3 rounds",
        "  over tokens: no ratio: 3 rounds, and 5 are the least",
    ]
    assert said[3] == "tpot_p99_ms tokens: not measured"


def test_without_replicas_there_is_nothing_to_dispatch() -> None:
    with pytest.raises(ConfigError, match="no replicas"):
        bench.main(["dispatch", "--engine", "null"])
