"""Processes of this machine: which one a number means, and the end of those that we started."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Collection, Iterable
from pathlib import Path

import psutil

GRACE_S = 5.0
SHARED = Path("/dev/shm")
# Files in memory by the process that made them: Intel's OpenMP registers itself, torch has tensors.
OF_PROCESS = (re.compile(r"__KMP_REGISTERED_LIB_(\d+)_\d+"), re.compile(r"torch_(\d+)_.*"))
_STATE_FIELD, _START_FIELD = 0, 19  # of /proc/PID/stat after the name: proc(5), fields 3 and 22
_ENDED = ("Z", "X")


def started_ticks(pid: int) -> int | None:
    """When a living process began, in clock ticks since boot; None: there is none.

    A process id is given again. Both together are not.
    """
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = told.rpartition(")")[2].split()  # a name may hold anything, brackets too
    return None if fields[_STATE_FIELD] in _ENDED else int(fields[_START_FIELD])


def named_by_the_dead(folder: Path, names: Iterable[re.Pattern[str]]) -> list[Path]:
    """Our own files there that carry the number of a process which is gone.

    Args:
        folder: where they are.
        names: the group of each is the number.
    """
    found = []
    for path in sorted(folder.glob("*")):
        number = next((int(said[1]) for name in names if (said := name.fullmatch(path.name))), 0)
        with contextlib.suppress(OSError):
            if number and not psutil.pid_exists(number) and path.stat().st_uid == os.getuid():
                found.append(path)
    return found


def drop_shared(pids: Collection[int]) -> None:
    """Remove what processes that have ended left in memory, as those do that a signal ends."""
    for path in named_by_the_dead(SHARED, OF_PROCESS):
        if any(f"_{pid}_" in path.name for pid in pids):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def boot_id() -> str | None:
    """Which start of this machine it is; None where the kernel does not tell."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return None


def kill_children() -> None:
    """End all that this process has started, at once."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            child.kill()


def end_all(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Terminate, then kill; return those that are still there."""
    left = list(processes)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, alive = psutil.wait_procs(left, timeout=GRACE_S)
    for process in alive:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return list(psutil.wait_procs(alive, timeout=GRACE_S)[1])
