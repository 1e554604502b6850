"""GPUs and cores that this process may use, as the driver and the kernel name them."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass

GPU_FIELDS = "name,uuid,memory.total,driver_version"
QUERY_TIMEOUT_S = 20


@dataclass(frozen=True)
class Gpu:
    """One GPU as nvidia-smi names it."""

    name: str
    uuid: str
    memory_mib: int
    driver: str


def gpus() -> list[Gpu]:
    """NVIDIA GPUs that this process may use, by nvidia-smi; none where there is no driver.

    CUDA_VISIBLE_DEVICES names them by number or by UUID, whole or its beginning; Ray sets it for
    each replica, to nothing for one that has no card.
    """
    try:
        printed = subprocess.run(
            ["nvidia-smi", f"--query-gpu={GPU_FIELDS}", "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=QUERY_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in printed.splitlines():
        name, uuid, memory_mib, driver = (field.strip() for field in line.split(","))
        found.append(Gpu(name, uuid, int(memory_mib), driver))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return found
    named = [part.strip() for part in visible.split(",") if part.strip()]
    return [gpu for number, gpu in enumerate(found) if _named(number, gpu, named)]


def _named(number: int, gpu: Gpu, named: list[str]) -> bool:
    return any(
        part == str(number) or (part.startswith("GPU-") and gpu.uuid.startswith(part))
        for part in named
    )


def usable_cores() -> list[int]:
    """The hardware threads that this process may run on."""
    return sorted(os.sched_getaffinity(0))
