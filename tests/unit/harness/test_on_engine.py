"""How one run of several on an engine ends where it breaks: its session's own words, once."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

import sut.harness.on_engine
from sut.config.names import Scenario
from sut.errors import EngineStartError, HarnessError, RunError
from sut.harness.on_engine import OnEngine
from sut.harness.phases import Phases
from sut.harness.under_way import UnderWay
from sut.machine.signals import Stopped, Stops
from sut.record.ending import EndingFacts
from sut.record.folder import SessionDir

SAID = os.strerror(errno.ELOOP)


class Broken:
    """An engine whose run breaks when it is measured."""

    def __init__(self, error: BaseException, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.endings: list[EndingFacts | None] = []
        self._folder, self._error = folder, error
        monkeypatch.setattr(OnEngine, "_run", self._run)
        monkeypatch.setattr(sut.harness.on_engine, "conclude", self._conclude)

    def _run(self, _: Any, __: Any, way: UnderWay, *___: Any) -> None:
        way.kept[way.session.session_facts] = b"{}"
        way.phases.begin("running Server performance")
        raise self._error

    def _conclude(self, session: SessionDir, ending: EndingFacts | None, *_: Any, **__: Any) -> Any:
        self.endings.append(ending)
        return None, session

    def make(self) -> SessionDir | None:
        way = UnderWay(
            SessionDir(self._folder), Phases(lambda _: None), Stops(None), Console(quiet=True)
        )
        config = SimpleNamespace(results_dir=self._folder, node_name="n")
        inputs: Any = None
        before: Any = SimpleNamespace(notes=[])
        return self._replaced(OnEngine(Scenario.SERVER, inputs, inputs, before, way), config)

    @staticmethod
    def _replaced(engine: OnEngine, config: Any) -> SessionDir | None:
        loaded: Any = SimpleNamespace(config=config)
        return engine.make(loaded, 1)


@pytest.fixture(autouse=True)
def plain_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sut.harness.on_engine, "replace", _with)


def _with(what: Any, **changes: Any) -> Any:
    if isinstance(what, SimpleNamespace):
        return SimpleNamespace(**{**vars(what), **changes})
    return UnderWay(changes["session"], what.phases, what.stops, what.console, changes["kept"])


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ELOOP, SAID, "/x/.ledger.parquet.abc"), f"{SAID}: /x/.ledger.parquet.abc"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ZeroDivisionError("by zero"), "this is a bug of ours: ZeroDivisionError: by zero"),
    ],
)
def test_it_is_told_with_its_session_and_phase_and_not_as_bad_input(
    error: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(error, tmp_path, monkeypatch)
    with pytest.raises(RunError) as raised:
        broken.make()
    (ending,) = broken.endings
    assert ending is not None
    assert raised.value.exit_code == 1
    assert raised.value.message.startswith(
        f"the session ended before its time, while running Server performance: {said}"
    )
    assert Path(str(raised.value.where)).parent == tmp_path


def test_what_is_foreseen_says_it_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Broken(EngineStartError("the card is gone."), tmp_path, monkeypatch)
    with pytest.raises(HarnessError, match=r"^the card is gone\.$"):
        broken.make()


def test_who_asked_for_the_end_is_told_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Broken(Stopped(15), tmp_path, monkeypatch)
    assert broken.make() is None
    assert broken.endings[0] is not None
