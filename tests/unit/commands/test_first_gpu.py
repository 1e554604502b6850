"""The first start on a machine with a GPU: what cannot work is said before anything is fetched."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import huggingface_hub
import pytest

from sut.machine import devices, hardware
from sut.machine.devices import COMPATIBILITY
from sut.main import main
from tests.unit.nvidia import nvidia_smi

OLD = "NVIDIA A30, GPU-1, 24576, 550.54.15\n"
NEW = "NVIDIA A30, GPU-1, 24576, 580.65.06\n"
BROKEN = "Failed to initialize NVML: Driver/library version mismatch\n"


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the hub was asked for; it has nothing."""
    found: list[str] = []

    def refuse(repository: str, **_: Any) -> NoReturn:
        found.append(repository)
        raise OSError("the hub has nothing")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    monkeypatch.setattr(devices, "DRIVER_FILE", tmp_path / "none")
    for name in (COMPATIBILITY, devices.VISIBLE):
        monkeypatch.delenv(name, raising=False)
    return found


def run(tmp_path: Path, *flags: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["--dataset", "synthetic", "--results-dir", str(tmp_path / "results"), *flags])
    return int(str(ended.value.code))


def built_for_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    installed = hardware.package_version
    monkeypatch.setattr(
        hardware,
        "package_version",
        lambda *names: "0.32.0" if names == ("vllm",) else installed(*names),
    )


def test_an_old_driver_ends_the_run_before_the_weights_are_fetched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    nvidia_smi(tmp_path, monkeypatch, OLD)
    assert run(tmp_path) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sut: nvidia-smi: the NVIDIA driver is 550.54.15, and torch 2.13")
    assert asked == []
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("listed", [NEW, OLD])
def test_a_new_driver_and_an_old_one_with_its_package_go_on_to_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], listed: str
) -> None:
    nvidia_smi(tmp_path, monkeypatch, listed)
    if listed == OLD:
        monkeypatch.setenv(COMPATIBILITY, "1")
    assert run(tmp_path) == 2
    assert asked == ["meta-llama/Llama-3.1-8B-Instruct"]


def test_an_installation_for_cards_is_not_run_as_a_machine_without(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    built_for_cards(monkeypatch)
    nvidia_smi(tmp_path, monkeypatch, BROKEN, code=18)
    # Dry: where nothing refused it, this machine's own engine would start.
    assert run(tmp_path, "--dry-run") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert BROKEN.strip() in line
    assert "--system a30-bf16" in line


def test_where_the_system_is_named_or_no_engine_runs_nothing_was_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    built_for_cards(monkeypatch)
    nvidia_smi(tmp_path, monkeypatch, BROKEN, code=18)
    assert run(tmp_path, "--system", "a30-bf16") == 2
    assert asked == ["meta-llama/Llama-3.1-8B-Instruct"]


def test_an_installation_for_the_cpu_asks_for_no_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hardware, "package_version", lambda *_: None)
    assert hardware.gpu_missing(devices.Cards(problem="nvidia-smi is not installed")) is None
