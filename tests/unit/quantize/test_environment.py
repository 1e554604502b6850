"""The environment of llm-compressor: looked at before it is made, known to be stale or not."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sut.commands.quantize import main
from sut.errors import ConfigError, HarnessError
from sut.machine.devices import Cards
from sut.quantize import environment
from sut.quantize.environment import REQUIREMENTS, STAMP, interpreter, set_up


class Steps:
    """In place of subprocess: notes each command, makes what it would make."""

    def __init__(self, failing: str = "") -> None:
        self.seen: list[list[str]] = []
        self.failing = failing

    def run(self, command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        self.seen.append(command)
        if "venv" in command:
            folder = Path(command[-1])
            (folder / "bin").mkdir(parents=True, exist_ok=True)
            (folder / "bin" / "python").touch()
            (folder / "pyvenv.cfg").touch()
        return subprocess.CompletedProcess(command, int(self.failing in command), "", "")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Steps:
    found = Steps(failing="never")
    monkeypatch.setattr(subprocess, "run", found.run)
    monkeypatch.setattr(environment, "cards", Cards)
    monkeypatch.setattr(environment, "LOGS", tmp_path / "logs")
    return found


def test_it_is_made_once_from_the_pins(tmp_path, steps):
    folder = tmp_path / "made"
    assert main(["--set-up", "--environment", str(folder)]) == 0
    venv, pip = steps.seen
    assert venv[1:] == ["-m", "venv", "--clear", str(folder)]
    assert pip[-2:] == ["-r", str(REQUIREMENTS)]
    assert interpreter(folder) == folder / "bin" / "python"
    main(["--set-up", "--environment", str(folder)])
    assert len(steps.seen) == 2


def test_one_from_other_pins_is_not_used_and_made_again(tmp_path, steps):
    folder = tmp_path / "made"
    set_up(folder, print)
    (folder / STAMP).write_text(json.dumps({"fingerprint": "another"}))
    with pytest.raises(ConfigError, match="not made from this requirements-quantize"):
        interpreter(folder)
    set_up(folder, print)
    assert len(steps.seen) == 4
    assert interpreter(folder)


def test_a_failed_step_leaves_no_stamp(tmp_path, steps):
    steps.failing = "install"
    with pytest.raises(HarnessError, match="-m pip --disable-pip-version-check failed"):
        set_up(tmp_path / "made", print)
    with pytest.raises(ConfigError, match="not to its end"):
        interpreter(tmp_path / "made")


def test_it_is_asked_for_by_name_where_it_is_not(tmp_path):
    with pytest.raises(ConfigError) as caught:
        interpreter(tmp_path / "none")
    assert caught.value.remedy == "Make it once: python -m sut.main quantize --set-up."


def test_a_folder_of_anything_else_is_left_alone(tmp_path, steps):
    (tmp_path / "mine").mkdir()
    with pytest.raises(ConfigError, match="no virtual environment, and nothing in it is touched"):
        set_up(tmp_path / "mine", print)
    assert steps.seen == []


def test_space_is_looked_at_before_anything_is_fetched(tmp_path, steps, monkeypatch):
    free = 3 * 2**30
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(free, 0, free))
    with pytest.raises(ConfigError, match=r"3\.0 GiB are free, .* up to 4 GiB"):
        set_up(tmp_path / "made", print)
    assert steps.seen == []


def test_every_package_is_pinned_and_torch_without_a_build():
    lines = [
        line
        for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    ]
    assert lines
    assert all(line.count("==") == 1 for line in lines)
    assert not [line for line in lines if "+" in line or "@" in line]
    assert {"llmcompressor", "torch"} <= {line.partition("==")[0] for line in lines}
