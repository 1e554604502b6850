"""The environment that llm-compressor runs in: made on request, told apart from a stale one.

llm-compressor pins torch, transformers and compressed-tensors otherwise than vLLM does, so it has
a virtual environment of its own. `requirements-quantize.txt` says what is in it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from sut.config.shipped import CONF_ROOT
from sut.errors import ConfigError, HarnessError
from sut.machine.devices import cards

ROOT = CONF_ROOT.parent
FOLDER = Path(".venv-quantize")
REQUIREMENTS = ROOT / "requirements-quantize.txt"
STAMP = "quantize-stamp.json"
LOGS = ROOT / ".setup"
SET_UP = "python -m sut.main quantize --set-up"
# Measured: 1.5 GB with torch's CPU build. Its CUDA build brings some 5 GB of libraries more, and
# pip holds each wheel beside what it unpacks.
NEEDED_GIB = {"cpu": 4, "cuda": 16}
GIB = 2**30
LAST_LINES = 15


def interpreter(folder: Path) -> Path:
    """The environment's Python, of an environment that is ready.

    Raises:
        ConfigError: there is none, or it was made from other pins.
    """
    python = folder / "bin" / "python"
    if not python.is_file():
        raise ConfigError(
            "there is no environment with llm-compressor.",
            where=str(folder),
            remedy=f"Make it once: {SET_UP}.",
        )
    if _stamped(folder) != fingerprint():
        raise ConfigError(
            f"the environment was not made from this {REQUIREMENTS.name}, or not to its end.",
            where=str(folder),
            remedy=f"Remove the folder and make it again: {SET_UP}.",
        )
    return python


def set_up(folder: Path, say: Callable[[str], None]) -> None:
    """Make the environment; one that is ready is left as it is.

    Args:
        folder: where it will be.
        say: told of each step.

    Raises:
        ConfigError: not enough space, or a folder that is no environment of ours.
        HarnessError: a step failed.
    """
    if _stamped(folder) == fingerprint():
        say(f"{folder} is ready")
        return
    if folder.exists() and not (folder / "pyvenv.cfg").is_file():
        raise ConfigError(
            "this is no virtual environment, and nothing in it is touched.",
            where=str(folder),
            remedy="Name another folder with --environment, or remove this one.",
        )
    _check_space(folder)
    LOGS.mkdir(exist_ok=True)
    log = LOGS / f"{folder.name}.log"
    log.unlink(missing_ok=True)
    say(f"creating {folder}")
    _step([sys.executable, "-m", "venv", "--clear", str(folder)], log)
    say(f"installing {REQUIREMENTS.name}, some minutes; output in {log}")
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check"]
    _step([*pip, "--no-input", "install", "-r", str(REQUIREMENTS)], log)
    stamp = json.dumps({"fingerprint": fingerprint()}) + "\n"
    (folder / STAMP).write_text(stamp, encoding="utf-8")
    say(f"{folder} is ready")


def fingerprint() -> str:
    """SHA-256 over what decides the environment: the requirements and Python's release."""
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return hashlib.sha256(python.encode() + REQUIREMENTS.read_bytes()).hexdigest()


def _stamped(folder: Path) -> str | None:
    try:
        found = json.loads((folder / STAMP).read_text(encoding="utf-8"))["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None


def _check_space(folder: Path) -> None:
    """Look before anything is fetched."""
    above = next(each for each in folder.absolute().parents if each.is_dir())
    needed = NEEDED_GIB["cuda" if cards().found else "cpu"]
    free = shutil.disk_usage(above).free / GIB
    if free < needed:
        raise ConfigError(
            f"{free:.1f} GiB are free, and the environment needs up to {needed} GiB.",
            where=str(above),
            remedy="Free some, or name a folder on another disk with --environment.",
        )


def _step(command: Sequence[str], log: Path) -> None:
    with log.open("a", encoding="utf-8") as output:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise HarnessError(
            f"{' '.join(command[1:4])} failed with exit code {done.returncode}:\n{tail(log)}",
            where=str(log),
            remedy="pip's own configuration is in force: see that it reaches a package index.",
        )


def tail(log: Path) -> str:
    """The last lines of a log, for a message."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LAST_LINES:])
