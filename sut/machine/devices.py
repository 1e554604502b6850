"""GPUs and cores that this process may use, as the driver and the kernel name them.

Set-up asks too, on a bare Python: nothing here needs a package.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sut.errors import ConfigError

GPU_FIELDS = "name,uuid,memory.total,driver_version"
# Without persistence mode each call wakes every card: seconds each on a machine with many.
QUERY_TIMEOUT_S = 60
SAID_LENGTH = 160
VISIBLE = "CUDA_VISIBLE_DEVICES"
MIG = "MIG-"

# The wheels on PyPI of torch 2.13, which vllm 0.32.0 pins, are built for CUDA 13, and 580 is the
# first driver series for it (CUDA Toolkit release notes, "CUDA Driver" table).
DRIVER_SERIES_MIN = 580
BUILT_PACKAGE = "vllm"
BUILT_FOR = "torch 2.13 of vllm 0.32.0 is built for CUDA 13"
# A torch from PyTorch's own index says what it is built for.
OLDER_BUILD = "+cu12"
# vLLM (env_override.py) then puts the folder of NVIDIA's forward-compatibility package, by default
# /usr/local/cuda-<torch's CUDA>/compat, first in its processes' LD_LIBRARY_PATH.
COMPATIBILITY = "VLLM_ENABLE_CUDA_COMPATIBILITY"
COMPATIBILITY_PATH = "VLLM_CUDA_COMPATIBILITY_PATH"
DRIVER_FILE = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class Gpu:
    """One GPU, or one MIG part of one, as nvidia-smi names it.

    Attributes:
        memory_mib: None where nvidia-smi does not tell it: of a MIG part, or without the right to.
    """

    name: str
    uuid: str
    memory_mib: int | None
    driver: str


@dataclass(frozen=True)
class Cards:
    """The GPUs that this process may use; where there is none, why, as half a sentence.

    Attributes:
        broken: nvidia-smi is here, but did not do its work: there may be GPUs all the same.
    """

    found: list[Gpu] = field(default_factory=list)
    problem: str | None = None
    broken: bool = False


def gpus() -> list[Gpu]:
    """NVIDIA GPUs that this process may use, by nvidia-smi; none where there is no driver."""
    return cards().found


def cards() -> Cards:
    """As `gpus`, and why there is none.

    CUDA_VISIBLE_DEVICES names them by number or by UUID, whole or its beginning; Ray sets it for
    each replica, to nothing for one that has no card.
    """
    query = f"--query-gpu={GPU_FIELDS}"
    try:
        lines = _nvidia_smi(query, "--format=csv,noheader,nounits")
    except FileNotFoundError:
        return Cards(problem="nvidia-smi is not installed")
    except OSError as error:
        return Cards(problem=f"nvidia-smi cannot be run ({error.strerror})", broken=True)
    except subprocess.TimeoutExpired:
        told = f"nvidia-smi gave no answer within {QUERY_TIMEOUT_S} s"
        return Cards(problem=told, broken=True)
    except subprocess.CalledProcessError as error:
        said = _first_line(error.stdout, error.stderr)
        none = said.startswith("No devices")
        return Cards(problem=f"nvidia-smi failed: {said}", broken=not none)
    listed = [gpu for line in lines if (gpu := _gpu(line)) is not None]
    if not listed:
        said = _first_line("\n".join(lines))
        return Cards(problem=f"nvidia-smi lists none: {said}", broken=not said.startswith("No dev"))
    return _visible(listed, os.environ.get(VISIBLE))


def _nvidia_smi(*arguments: str) -> list[str]:
    done = subprocess.run(
        ["nvidia-smi", *arguments],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=QUERY_TIMEOUT_S,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if line.strip()]


def _first_line(*texts: str) -> str:
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return lines[0][:SAID_LENGTH] if lines else "it said nothing"


def _gpu(line: str) -> Gpu | None:
    """A row of the query; None if the line is something else, an error of one card for instance."""
    fields = [part.strip() for part in line.rsplit(",", 3)]
    if len(fields) != len(GPU_FIELDS.split(",")) or not fields[1].startswith("GPU-"):
        return None
    name, uuid, memory_mib, driver = fields
    return Gpu(name, uuid, int(memory_mib) if memory_mib.isdecimal() else None, driver)


def _visible(listed: list[Gpu], visible: str | None) -> Cards:
    if visible is None:
        return Cards(listed)
    named = [part.strip() for part in visible.split(",") if part.strip()]
    found = [gpu for number, gpu in enumerate(listed) if _named(number, gpu, named)]
    if any(part.startswith(MIG) for part in named):
        found += [part for part in _mig_parts(listed) if part.uuid in named]
    if found:
        return Cards(found)
    return Cards(
        problem=f"{VISIBLE} is {visible!r}, which names none of the {len(listed)} that "
        "nvidia-smi lists"
    )


def _named(number: int, gpu: Gpu, named: Sequence[str]) -> bool:
    return any(
        part == str(number) or (part.startswith("GPU-") and gpu.uuid.startswith(part))
        for part in named
    )


def _mig_parts(listed: Sequence[Gpu]) -> list[Gpu]:
    """The parts that cards in MIG mode are divided into; the query names only whole cards."""
    try:
        lines = _nvidia_smi("-L")
    except (OSError, subprocess.SubprocessError):
        return []
    found: list[Gpu] = []
    whole: Gpu | None = None
    for line in lines:
        uuid = re.search(r"UUID: ([\w/-]+)", line)
        if uuid is None:
            continue
        if uuid[1].startswith("GPU-"):
            whole = next((gpu for gpu in listed if gpu.uuid == uuid[1]), None)
        elif whole is not None:
            part = " ".join(line.partition("Device")[0].split())  # MIG 1g.6gb
            found.append(Gpu(f"{whole.name} {part}", uuid[1], None, whole.driver))
    return found


def driver_version(found: Cards) -> str | None:
    """Of the NVIDIA driver: by nvidia-smi, or by the kernel where that does not answer."""
    if found.found:
        return found.found[0].driver
    try:
        said = DRIVER_FILE.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    version = re.search(r"Kernel Module(?: for \S+)?\s+(\d[\d.]*)", said)
    return version[1] if version else None


def check_driver(version: str | None, *, torch_build: str | None = None) -> str | None:
    """Refuse a driver that the engine's CUDA build does not run on.

    Args:
        version: of the driver; None: unknown, and then nothing is said.
        torch_build: the installed torch's version; None: the one that would be installed.

    Returns:
        What to know about an old driver that the user takes all the same; else None.

    Raises:
        ConfigError: with the version that is here.
    """
    series = (version or "").partition(".")[0]
    if not series.isdecimal() or int(series) >= DRIVER_SERIES_MIN:
        return None
    if torch_build is not None and OLDER_BUILD in torch_build:
        return None
    fact = (
        f"the NVIDIA driver is {version}, and {BUILT_FOR}, which needs {DRIVER_SERIES_MIN} or newer"
    )
    if os.environ.get(COMPATIBILITY, "").strip().lower() in ("1", "true"):
        return (
            f"{fact}; {COMPATIBILITY} is set, so vLLM takes NVIDIA's forward-compatibility "
            f"package, from {COMPATIBILITY_PATH} if its folder is not the usual one"
        )
    raise ConfigError(
        f"{fact}.",
        where="nvidia-smi",
        remedy=f"Install driver {DRIVER_SERIES_MIN} or newer; or, for a data-centre card, NVIDIA's "
        f"package cuda-compat-13-0, and set {COMPATIBILITY}=1.",
    )


def usable_cores() -> list[int]:
    """The hardware threads that this process may run on."""
    return sorted(os.sched_getaffinity(0))
