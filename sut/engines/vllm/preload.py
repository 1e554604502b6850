"""Libraries that vLLM's CPU processes should load first, where they are on this machine.

Intel's OpenMP instead of GNU's: its waiting threads give way, which about doubled tokens/s on
a busy two-core machine (README, "CPU"). tcmalloc likewise, where the system has it. vLLM asks for
both in its log and leaves it to the user.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SYSTEM_FOLDERS = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu"))
VARIABLE = "LD_PRELOAD"


def cpu_libraries() -> list[Path]:
    """The libraries found, in the order they are to be loaded."""
    openmp = [Path(sys.prefix) / "lib" / "libiomp5.so"]
    malloc = [folder / "libtcmalloc_minimal.so.4" for folder in SYSTEM_FOLDERS]
    return [path for path in (*malloc, *openmp) if path.is_file()]


@contextmanager
def preloaded(libraries: list[Path]) -> Iterator[None]:
    """Processes started within the block load these first, before what was set already."""
    before = os.environ.get(VARIABLE)
    if libraries:
        os.environ[VARIABLE] = ":".join([*map(str, libraries), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before
