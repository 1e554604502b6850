"""Policies are measured in turn, on the limits that let a tail be measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sut.bench import dispatch
from sut.commands import bench
from sut.config.names import Scenario
from sut.errors import ConfigError

MS = 1_000_000


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The configurations of the runs that were asked for; each has its number for its tails."""
    found: list[Any] = []

    class Engine:
        scenario = Scenario.SERVER

        def __init__(self, *shared: object) -> None:
            pass

        def make(self, loaded: Any, number: int) -> Any:
            assert number == len(found) + 1
            found.append(loaded.config)
            return SimpleNamespace(root=Path("kept"))

    @contextmanager
    def engine_for(*arguments: object) -> Iterator[Any]:
        assert not found, "one start of the replicas is for all runs"
        yield SimpleNamespace(before=None), None

    def result_of(record: object) -> Any:
        tail = SimpleNamespace(mean_ns=MS, p99_ns=len(found) * MS)
        run = SimpleNamespace(
            queries=SimpleNamespace(issued=9), achieved_qps=1.0, ttft=tail, tpot=None
        )
        return SimpleNamespace(
            valid=len(found) not in INVALID, reasons=["too slow"], scenarios={"Server": run}
        )

    monkeypatch.setattr(dispatch, "OnEngine", Engine)
    monkeypatch.setattr(dispatch, "engine_for", engine_for)
    monkeypatch.setattr(dispatch, "result_of", result_of)
    monkeypatch.setattr(dispatch, "read_session", lambda root: None)
    monkeypatch.setattr(dispatch, "all_checked", lambda loaded: (loaded, None, ()))
    return found


INVALID: set[int] = set()
WORDS = ("dispatch", "--replicas", "2", "--engine", "null", "--rate", "9", "--rounds", "3")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


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


def test_the_figures_of_a_run_that_is_invalid_are_not_taken(
    asked: list[Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "INVALID", {1})
    assert bench.main(WORDS) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "ttft_p99_ms tokens: 4.5 (4 to 5), 2 rounds"
    assert said[-1] == "INVALID: round 1, tokens, Server: too slow (kept in kept)"
