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
    """NVIDIA GPUs by nvidia-smi; none where there is no driver."""
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
    return found


def usable_cores() -> list[int]:
    """The hardware threads that this process may run on."""
    return sorted(os.sched_getaffinity(0))
