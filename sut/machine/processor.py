"""What the processor's instructions say of number formats."""

from __future__ import annotations

import platform
from contextlib import suppress
from pathlib import Path

CPU_INFO = Path("/proc/cpuinfo")
X86 = ("x86_64", "AMD64")


def flags() -> set[str]:
    """The instruction sets that the kernel names; none: it does not tell."""
    with suppress(OSError):
        for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith(("flags", "Features")):
                return set(line.partition(":")[2].split())
    return set()


def has_avx512() -> bool:
    """False of an x86 processor without it, which multiplies bfloat16 one number at a time.

    oneDNN's bfloat16 kernels ask for AVX-512 on x86 (oneDNN, "Data Types", hardware limitations).
    A processor of another kind, or one that does not tell, is taken for one that has what it needs.
    """
    told = flags()
    return platform.machine() not in X86 or not told or "avx512f" in told
