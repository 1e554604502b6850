"""Which packages the repair removes."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from scripts import repair_env
from sut.errors import HarnessError


def test_only_what_is_installed_and_does_not_import_is_broken():
    tried: list[str] = []

    def importable(package: str) -> bool:
        tried.append(package)
        return package == "works"

    broken = repair_env.find_broken(
        ("absent", "works", "broken"), lambda package: package != "absent", importable
    )
    assert broken == ["broken"]
    assert tried == ["works", "broken"]


def test_installed_and_importable_are_asked_of_this_environment():
    assert repair_env.is_installed("pytest")
    assert not repair_env.is_installed("no-such-distribution")
    assert repair_env.imports("json")
    assert not repair_env.imports("no_such_module")


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The pip calls made, none of them run; the package `stuck` cannot be removed."""
    called: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        called.append(command)
        return SimpleNamespace(returncode="stuck" in command, stderr="pip says no")

    monkeypatch.setattr(subprocess, "run", run)
    return called


def test_the_broken_are_uninstalled_in_one_call(commands: list[list[str]]):
    repair_env.uninstall(["a", "b"])
    assert [command[2:] for command in commands] == [["pip", "uninstall", "-q", "-y", "a", "b"]]


def test_nothing_broken_calls_no_pip(commands: list[list[str]]):
    repair_env.uninstall([])
    assert commands == []


def test_pips_refusal_is_an_error_with_its_words(commands: list[list[str]]):
    with pytest.raises(HarnessError, match="could not uninstall stuck:\npip says no"):
        repair_env.uninstall(["stuck"])


def test_main_says_what_it_removed(
    commands: list[list[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(repair_env, "find_broken", lambda packages: list(packages[:2]))
    assert repair_env.main([]) == 0
    assert capsys.readouterr().out == "removed torchvision, torchaudio\n"
    monkeypatch.setattr(repair_env, "find_broken", lambda packages: [])
    assert repair_env.main([]) == 0
    assert capsys.readouterr().out == "nothing to remove\n"
    monkeypatch.setattr(repair_env, "find_broken", lambda packages: ["stuck"])
    assert repair_env.main([]) == 1
