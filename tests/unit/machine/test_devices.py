"""Which GPUs count as ours, why there is none, and which driver the engine runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.errors import ConfigError
from sut.machine import devices
from sut.machine.devices import COMPATIBILITY, Cards, Gpu, cards, check_driver, driver_version, gpus
from tests.unit.nvidia import nvidia_smi

LISTED = """\
NVIDIA A30, GPU-aaaa-1, 24576, 570.1
NVIDIA A30, GPU-bbbb-2, 24576, 570.1
NVIDIA A30, GPU-cccc-3, 24576, 570.1
"""


@pytest.fixture(autouse=True)
def _driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nvidia-smi that lists three cards."""
    nvidia_smi(tmp_path, monkeypatch, LISTED)
    monkeypatch.delenv(COMPATIBILITY, raising=False)
    monkeypatch.setattr(devices, "DRIVER_FILE", tmp_path / "none")


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, ["GPU-aaaa-1", "GPU-bbbb-2", "GPU-cccc-3"]),
        ("0,2", ["GPU-aaaa-1", "GPU-cccc-3"]),
        ("GPU-bbbb-2", ["GPU-bbbb-2"]),
        ("GPU-cc", ["GPU-cccc-3"]),
        ("", []),  # as Ray has it for a replica without a card
        ("-1", []),
    ],
)
def test_only_visible_cards_are_ours(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, expected: list[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.uuid for gpu in gpus()] == expected
    assert all(gpu.memory_mib == 24576 for gpu in gpus())


@pytest.mark.parametrize("memory", ["[N/A]", "[Insufficient Permissions]", "[Not Supported]"])
def test_memory_that_is_not_told_is_unknown_and_the_card_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: str
) -> None:
    nvidia_smi(tmp_path, monkeypatch, f"NVIDIA GB10, GPU-dddd-4, {memory}, 580.1\n")
    assert gpus() == [Gpu("NVIDIA GB10", "GPU-dddd-4", None, "580.1")]


def test_a_line_that_is_no_card_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = "Unable to determine the device handle for GPU1: 0000:41:00.0: GPU is lost.\n"
    nvidia_smi(tmp_path, monkeypatch, lost + LISTED)
    assert len(gpus()) == 3


MISMATCH = "Failed to initialize NVML: Driver/library version mismatch"


@pytest.mark.parametrize(
    ("said", "code", "problem", "broken"),
    [
        (MISMATCH, 18, f"nvidia-smi failed: {MISMATCH}", True),
        ("No devices were found", 6, "nvidia-smi failed: No devices were found", False),
        ("No devices were found", 0, "nvidia-smi lists none: No devices were found", False),
        ("ERR!, ERR!, 1, 2", 0, "nvidia-smi lists none: ERR!, ERR!, 1, 2", True),
        ("", 0, "nvidia-smi lists none: it said nothing", True),
    ],
)
def test_why_there_is_none_is_said_in_the_drivers_own_words(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    code: int,
    problem: str,
    broken: bool,
) -> None:
    nvidia_smi(tmp_path, monkeypatch, said and f"{said}\n", code=code)
    assert cards() == Cards([], problem, broken)


def test_without_nvidia_smi_nothing_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert cards() == Cards([], "nvidia-smi is not installed")


def test_one_that_never_answers_is_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "", script="exec sleep 1000")
    monkeypatch.setattr(devices, "QUERY_TIMEOUT_S", 0.01)
    assert cards() == Cards([], "nvidia-smi gave no answer within 0.01 s", broken=True)


def test_cards_that_are_hidden_are_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    told = "CUDA_VISIBLE_DEVICES is '7', which names none of the 3 that nvidia-smi lists"
    assert cards() == Cards([], told)


PARTS = """\
GPU 0: NVIDIA A30 (UUID: GPU-aaaa-1)
  MIG 1g.6gb      Device  0: (UUID: MIG-1111)
  MIG 2g.12gb     Device  1: (UUID: MIG-2222)
GPU 1: NVIDIA A30 (UUID: GPU-bbbb-2)
"""


def test_a_part_of_a_card_is_named_as_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvidia_smi(tmp_path, monkeypatch, LISTED, parts=PARTS)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-2222")
    assert gpus() == [Gpu("NVIDIA A30 MIG 2g.12gb", "MIG-2222", None, "570.1")]


@pytest.mark.parametrize("version", ["580.65.06", "580", "595.10", None, "[N/A]", ""])
def test_a_driver_that_is_new_enough_or_unknown_is_no_matter(version: str | None) -> None:
    assert check_driver(version) is None


@pytest.mark.parametrize("version", ["550.54.15", "535.104", "579.99"])
def test_an_older_driver_is_refused_with_both_versions(version: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_driver(version)
    said = caught.value.render()
    assert f"driver is {version}, and torch 2.13 of vllm 0.32.0 is built for CUDA 13" in said
    assert "580 or newer" in said
    assert f"{COMPATIBILITY}=1" in said
    assert caught.value.exit_code == 2


def test_a_torch_built_for_cuda_12_runs_on_it() -> None:
    assert check_driver("550.54.15", torch_build="2.13.0+cu129") is None
    with pytest.raises(ConfigError):
        check_driver("550.54.15", torch_build="2.13.0")


@pytest.mark.parametrize(("value", "taken"), [("1", True), (" True ", True), ("0", False)])
def test_with_vllms_compatibility_set_it_is_a_note(
    monkeypatch: pytest.MonkeyPatch, value: str, taken: bool
) -> None:
    monkeypatch.setenv(COMPATIBILITY, value)
    if taken:
        assert "forward-compatibility package" in str(check_driver("550.54.15"))
    else:
        with pytest.raises(ConfigError):
            check_driver("550.54.15")


@pytest.mark.parametrize(
    ("said", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19\n",
            "535.104.05",
        ),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release\n",
            "580.65.06",
        ),
        ("something else\n", None),
        (None, None),
    ],
)
def test_where_nvidia_smi_is_silent_the_kernel_tells_the_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str | None, version: str | None
) -> None:
    file = tmp_path / "version"
    if said is not None:
        file.write_text(said)
    monkeypatch.setattr(devices, "DRIVER_FILE", file)
    assert driver_version(Cards(problem="nvidia-smi is not installed")) == version
    assert driver_version(cards()) == "570.1"
