"""Folders that a scheduler or a container has set otherwise."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from sut.config.schema import SystemConfig
from sut.config.vllm_options import VllmConfig
from sut.engines.ray import connection
from sut.engines.vllm.launch import environment, folder_for_sockets
from sut.errors import EngineStartError
from sut.machine import places
from sut.machine.places import SHORT, SOCKET_PATH, TEMPORARY_NAME, expanded, socket_folder

CPU = SystemConfig(name="cpu", platform="cpu")


def set_tmpdir(monkeypatch: pytest.MonkeyPatch, length: int) -> str:
    folder = "/" + "x" * (length - 1)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: folder)
    return folder


@pytest.mark.parametrize(("length", "short"), [(70, None), (71, SHORT), (200, SHORT)])
def test_sockets_move_where_their_path_would_be_too_long(
    monkeypatch: pytest.MonkeyPatch, length: int, short: Path | None
) -> None:
    set_tmpdir(monkeypatch, length)
    assert socket_folder(37, "vLLM") == short
    assert short is None or len(f"{short}/" + "u" * 36) <= SOCKET_PATH


def test_tmpdir_is_named_where_there_is_no_other_place(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = set_tmpdir(monkeypatch, 100)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(EngineStartError, match=f"TMPDIR is {folder}") as caught:
        socket_folder(37, "vLLM")
    assert caught.value.remedy == "Set TMPDIR to a path of at most 70 characters."


def test_vllm_has_a_folder_for_its_sockets_unless_the_user_named_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert folder_for_sockets({"VLLM_RPC_BASE_PATH": "/run/user"}) is None
    monkeypatch.setattr(places, "SHORT", tmp_path)
    set_tmpdir(monkeypatch, 100)
    found = folder_for_sockets({})
    assert found is not None
    assert found.is_dir()
    assert found.parent == tmp_path
    assert found.name.startswith(f"sut-{os.getpid()}-")
    assert len(found.name) <= TEMPORARY_NAME


def test_ray_is_given_the_short_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    connection._set_variables(None)
    assert "RAY_TMPDIR" not in os.environ
    set_tmpdir(monkeypatch, 40)
    connection._set_variables(None)
    assert os.environ["RAY_TMPDIR"] == "/tmp"


def test_a_user_without_a_name_is_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "USER" not in environment(VllmConfig(), CPU, [0], [], given={})

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert environment(VllmConfig(), CPU, [0], [], given={})["USER"] == "sut"


def test_a_home_that_nobody_knows_stays_as_it_is_written() -> None:
    assert expanded(Path("~no-such-user/x")) == Path("~no-such-user/x")
    assert expanded(Path("~/x")) == Path.home() / "x"
