"""The harness from Python: what it takes, what it gives, and what importing it costs."""

from __future__ import annotations

import inspect
import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import sut
from sut.config.keys import leaves
from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import ConfigError, LogError
from sut.harness import session as harness
from sut.record.folder import SessionDir
from sut.result.build import build, result_json
from tests.unit.result.sessions import make_session

PAGE = Path(__file__).resolve().parents[2] / "docs" / "api.md"
HEAVY = ("vllm", "torch", "ray", "transformers", "pydantic", "pyarrow", "numpy")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Loaded]:
    """The configurations that runs were asked for; none runs."""
    found: list[Loaded] = []

    def note(loaded: Loaded, *_: Any) -> SimpleNamespace:
        found.append(loaded)
        return SimpleNamespace(result="the result")

    monkeypatch.setattr(harness, "run_benchmark", note)
    return found


def test_importing_it_loads_nothing_heavy() -> None:
    script = f"import sys, sut; print([n for n in {HEAVY} if n in sys.modules], dir(sut))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[]")


def test_the_names_are_those_of_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    headings = re.findall(r"^## `sut\.(\w+)", text, re.MULTILINE)
    assert sorted(headings) == sorted(sut.__all__)
    assert "run(config=None, *, console=None)" in text
    assert list(inspect.signature(sut.run).parameters) == ["config", "console"]
    assert list(inspect.signature(sut.load_result).parameters) == ["path"]


def test_settings_are_those_of_the_command_line(started: list[Loaded]) -> None:
    result: object = sut.run(
        {"scenarios": ["Offline"], "system": "cpu-dummy", "engine.kind": "null"}
    )
    assert result == "the result"
    (loaded,) = started
    assert loaded.config.scenarios == (Scenario.OFFLINE,)
    assert loaded.config.system.name == "cpu-dummy"
    assert loaded.origins["engine.kind"] == "sut.run engine.kind"


def test_the_environment_holds_and_loses_to_settings(
    started: list[Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_TOKENS", "8")
    monkeypatch.setenv("OFFLINE_TARGET_QPS", "7")
    sut.run({"system": "cpu-dummy", "engine.kind": "null", "offline.target_qps": 9})
    config = started[0].config
    assert (config.generation.max_tokens, config.offline.target_qps) == (8, 9)


def test_a_file_and_a_whole_configuration_are_taken(started: list[Loaded], tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("system: cpu-dummy\nengine: {kind: 'null'}\n", encoding="utf-8")
    sut.run(own)
    sut.run(started[0].config)
    assert started[0].config == started[1].config
    assert set(leaves()) <= set(started[1].origins)


def test_a_mistake_is_refused_in_the_same_words() -> None:
    with pytest.raises(ConfigError, match=r"sut\.run server\.rate: .*no such key.*nearest"):
        sut.run({"server.rate": 3})


@pytest.mark.parametrize("given", [3, b"x", ["x"], True, "", "a\0b"])
def test_what_is_no_path_is_refused(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"config is .*must be a path"):
        sut.run(given)
    with pytest.raises(ConfigError, match=r"path is .*must be a path"):
        sut.load_result(given)


def test_another_thread_is_refused() -> None:
    said: list[str] = []

    def call() -> None:
        try:
            sut.run({})
        except ConfigError as error:
            said.append(error.message)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert said == ["a run answers to signals, which Python gives to the main thread alone."]


def test_a_stored_result_is_loaded_by_folder_and_by_file(tmp_path: Path) -> None:
    session = SessionDir(make_session(tmp_path, "offline"))
    made = build(session.root)
    session.result.write_text(result_json(made), encoding="utf-8")
    assert sut.load_result(session.root) == made
    assert sut.load_result(str(session.result)) == made
    old = json.loads(session.result.read_text(encoding="utf-8")) | {"schema_version": "1.6"}
    session.published_result.write_text(json.dumps(old), encoding="utf-8")
    assert sut.load_result(session.published_result) == made, "built anew from its session"


def test_a_result_of_another_version_without_its_session_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mlperf_datacenter_n_20261127_000000.json"
    path.write_text('{"schema_version": "1.6"}', encoding="utf-8")
    with pytest.raises(LogError, match="is not a result of this version"):
        sut.load_result(path)


def test_a_configuration_loads_nothing_that_makes_results() -> None:
    script = "import sut.api, sys; print([each for each in sys.modules if 'sut.result' in each])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]", "a plan would be half a second later"
