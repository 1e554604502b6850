"""An nvidia-smi that says what a test wants."""

from __future__ import annotations

from pathlib import Path

import pytest


def nvidia_smi(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    listed: str,
    *,
    parts: str = "",
    code: int = 0,
    script: str | None = None,
) -> None:
    """Put one first on the PATH.

    Args:
        listed: what it prints when asked for cards.
        parts: what `nvidia-smi -L` prints.
        code: its exit status.
        script: in place of all that, what it runs.
    """
    tool = folder / "nvidia-smi"
    for name, text in (("listed", listed), ("parts", parts)):
        (folder / name).write_text(text)
    usual = f'[ "$1" = -L ] && cat {folder}/parts || cat {folder}/listed; exit {code}'
    tool.write_text(f"#!/bin/sh\n{script or usual}\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
