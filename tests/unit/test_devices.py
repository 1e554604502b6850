"""Which GPUs count as ours: all that the driver lists, or those that CUDA_VISIBLE_DEVICES names."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.devices import gpus

LISTED = """\
NVIDIA A30, GPU-aaaa-1, 24576, 570.1
NVIDIA A30, GPU-bbbb-2, 24576, 570.1
NVIDIA A30, GPU-cccc-3, 24576, 570.1
"""


@pytest.fixture(autouse=True)
def _driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An nvidia-smi that lists three cards."""
    script = tmp_path / "nvidia-smi"
    script.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTED}END\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")


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
