"""Engines one after the other: each has its settings, its runs and its files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import EngineStartError
from sut.harness import session as module
from sut.harness.facts import Start
from sut.harness.under_way import UnderWay
from sut.record.folder import SessionDir
from tests.unit.config.support import loaded

KEY = "engine.null.ttft_ms"
LOADED = loaded(
    *("--engine", "null", "--scenario", "Offline,Server,Interactive"),
    *("--set", f"by_scenario.Server.{KEY}=2"),
)
Made = list[tuple[int, list[str]]]
FIRST, SECOND = (1, ["Offline", "Interactive"]), (2, ["Server"])


class Way:
    """What a session under way is told."""

    def __init__(self) -> None:
        self.session = SimpleNamespace(root="folder")
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


def measured(
    monkeypatch: pytest.MonkeyPatch, at: Callable[[int], bool] = lambda _: False
) -> tuple[Made, list[str], Any]:
    """Each start with what it answers, what was said, and what came of it."""
    made: Made = []

    def start(given: Loaded, this: Start, *_: Any) -> tuple[Loaded, bool]:
        made.append((this.number, list(this.scenarios)))
        return given, at(this.number)

    monkeypatch.setattr(module, "_with_engine", start)
    way: Any = Way()
    inputs: Any = None
    return made, way.said, module._measure(LOADED, inputs, way, None)


def test_each_start_has_its_scenarios_and_is_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    made, said, interrupted = measured(monkeypatch)
    assert made == [FIRST, SECOND]
    assert not interrupted
    assert said[1:] == ["Engine 1 of 2, for Offline, Interactive.", "Engine 2 of 2, for Server."]


def test_no_engine_is_started_after_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    made, _, interrupted = measured(monkeypatch, lambda number: number == 1)
    assert made == [FIRST]
    assert interrupted


def test_a_run_is_made_by_the_engine_of_its_scenario(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[int, Scenario]] = []

    def run(_live: Any, plan: Any, number: int) -> Any:
        ran.append((number, plan.run.scenario))
        return SimpleNamespace(interrupted=False, engine_failure=None)

    monkeypatch.setattr(module, "make_run", run)
    plans: Any = [
        SimpleNamespace(run=SimpleNamespace(scenario=each))
        for each in (Scenario.OFFLINE, Scenario.INTERACTIVE, Scenario.SERVER)
    ]
    anything: Any = SimpleNamespace(begin=lambda _: None)
    start = Start(2, (Scenario.SERVER,), "id")
    assert not module._make_runs(anything, start, plans, anything, None)
    assert ran == [(3, Scenario.SERVER)]


def test_a_later_engine_that_does_not_start_ends_in_a_result(tmp_path: Path) -> None:
    session, nothing = SessionDir(tmp_path), None
    anything: Any = SimpleNamespace(name="starting the engine")
    way = UnderWay(session, anything, anything, nothing)  # type: ignore[arg-type]
    error = EngineStartError("it does not start.")
    with pytest.raises(EngineStartError):
        way.ending(error)
    way.kept[session.session_facts] = b"{}"
    (tmp_path / "engine.log").write_text("of the first\n")
    (tmp_path / "engine.2.log").write_text("of the second\n")
    ending = way.ending(error)
    assert ending.cause == "it does not start"
    assert (ending.log, ending.last_lines) == ("engine.2.log", ["of the second"])


def test_rates_are_measured_with_the_engine_of_their_scenario() -> None:
    asked = ("--scenario", "Offline,Server", "--engine", "null")
    auto = ("--set", "offline.target_qps=auto", "--set", "server.target_qps=auto")
    found = loaded(*asked, *auto, "--set", f"by_scenario.Server.{KEY}=2")
    for number, scenario in enumerate(found.config.scenarios, 1):
        assert module._wanted(found, Start(number, (scenario,), "id")) == (scenario,)
