"""What a set-up looks at before it fetches anything."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts import first_look as look
from scripts.setup_env import ROOT
from sut.errors import ConfigError
from sut.machine import devices, hub_access
from tests.unit.hub import GOOD, gated_hub
from tests.unit.nvidia import nvidia_smi

A30 = "NVIDIA A30, GPU-1, 24576, 580.65.06\n"


@pytest.fixture(autouse=True)
def box(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A box in order: driver, compiler, headers, room; no token, and a hub that is gated."""
    for name in (*hub_access.TOKENS, *hub_access.OFFLINE, hub_access.TOKEN_FILE, "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    nvidia_smi(tmp_path, monkeypatch, A30)
    (tmp_path / "Python.h").touch()
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    monkeypatch.setenv("CC", "sh")
    free(monkeypatch, 100)
    with gated_hub() as address:
        monkeypatch.setenv(hub_access.ENDPOINT, address)
        yield


def free(monkeypatch: pytest.MonkeyPatch, gib: float) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=gib * look.GIB))


def test_a_box_in_order_has_nothing_to_say(monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD)
    assert look.first_look(ROOT, "cuda") == []
    assert look.first_look(ROOT, "cpu") == []


def test_a_gated_model_is_told_before_the_hours_that_end_at_it(monkeypatch) -> None:
    (note,) = look.first_look(ROOT, "cuda")
    assert "does not give meta-llama/Llama-3.1-8B-Instruct without a token" in note
    assert "set HF_TOKEN" in note
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    (note,) = look.first_look(ROOT, "cuda")
    assert "with this token" in note
    assert "hf_other" not in note


def test_a_hub_that_nobody_can_ask_stops_nothing(monkeypatch) -> None:
    monkeypatch.setenv(hub_access.ENDPOINT, "http://127.0.0.1:1")
    (note,) = look.first_look(ROOT, "cuda")
    assert "could not be asked" in note
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (note,) = look.first_look(ROOT, "cuda")
    assert "switched off" in note


def test_a_box_without_a_compiler_is_refused(monkeypatch, tmp_path) -> None:
    nvidia_smi(tmp_path, monkeypatch, A30, script=f"echo '{A30}'")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC")
    with pytest.raises(ConfigError, match="Triton compiles its launcher") as caught:
        look.first_look(ROOT, "cuda")
    assert "apt install gcc" in str(caught.value.remedy)
    assert look.first_look(ROOT, "cpu") == [], "the CPU build compiles nothing"


def test_an_image_for_cards_is_built_where_there_is_none(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(devices, "DRIVER_FILE", tmp_path / "none")
    nvidia_smi(tmp_path, monkeypatch, "No devices were found\n", code=6)
    monkeypatch.delenv("CC")
    assert look.first_look(ROOT, "cuda") == []


def test_a_python_without_headers_is_refused(tmp_path) -> None:
    (tmp_path / "Python.h").unlink()
    with pytest.raises(ConfigError, match=r"Python\.h is missing"):
        look.first_look(ROOT, "cuda")


@pytest.mark.parametrize("platform", ["cpu", "cuda"])
def test_a_full_disk_is_refused(monkeypatch, platform: str) -> None:
    needed = look.ENVIRONMENT_GIB[platform]
    free(monkeypatch, needed)
    look.first_look(ROOT, platform)
    free(monkeypatch, needed - 0.1)
    with pytest.raises(ConfigError, match=f"environment takes {needed:g}"):
        look.first_look(ROOT, platform)


def test_room_for_the_weights_is_looked_for_where_they_go(monkeypatch) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD)
    free(monkeypatch, look.WEIGHTS_GIB)
    assert look.first_look(ROOT, "cuda") == []
    free(monkeypatch, look.WEIGHTS_GIB - 0.5)
    (note,) = look.first_look(ROOT, "cuda")
    assert "the weights take 16 GiB, and 15.5 are free" in note


def test_the_models_file_names_its_id_and_one_without_asks_nobody(tmp_path) -> None:
    assert look.hub_id(ROOT) == "meta-llama/Llama-3.1-8B-Instruct"
    assert look.hub_id(tmp_path) is None
    assert look.first_look(tmp_path, "cuda") == []
