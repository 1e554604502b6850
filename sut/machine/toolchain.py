"""What Triton compiles its launcher with at an engine's first start on a card.

It calls `CC`, else gcc or clang, on a file that includes Python.h (triton/runtime/build.py).
Set-up looks too, on a bare Python: nothing here needs a package.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path

COMPILERS = ("cc", "gcc", "clang")
CHOSEN = "CC"


@dataclass(frozen=True)
class Lack:
    """A part that is not here: what, and what brings it."""

    name: str
    found: str
    remedy: str


def compiler() -> str | None:
    """The C compiler that would be called; None: there is none."""
    asked = os.environ.get(CHOSEN, "").split()
    return next((name for name in (*asked[:1], *COMPILERS) if shutil.which(name)), None)


def header() -> Path:
    """Where this Python's Python.h should lie; a virtual environment has its base's."""
    return Path(sysconfig.get_paths()["include"]) / "Python.h"


def lacks() -> list[Lack]:
    """The parts that are missing."""
    found = []
    if compiler() is None:
        found.append(
            Lack(
                "C compiler",
                "none is here; Triton compiles its launcher with one",
                "Install one, e.g. apt install gcc, or name it in CC.",
            )
        )
    if not header().is_file():
        found.append(
            Lack(
                "Python's headers",
                f"{header()} is missing; Triton compiles with it",
                "Install them for this very Python, e.g. apt install python3.11-dev.",
            )
        )
    return found
