"""Whose the processor's time was, as the kernel counts it: ours by process, the rest by core.

Linux alone tells (proc(5): /proc/stat, /proc/PID/stat, /proc/PID/task/TID/children; cgroup-v2:
cpu.stat). Where a file is missing nothing is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
CGROUP = Path("/sys/fs/cgroup")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# Of /proc/stat, after the core's name.
USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL = range(8)
BUSY = (USER, NICE, SYSTEM, IRQ, SOFTIRQ)
# Of /proc/PID/stat, after the name in brackets: utime and stime.
OF_PROCESS = (11, 12)


@dataclass(frozen=True)
class CoreTimes:
    """Some cores' time since the machine started, s, summed over them."""

    busy_s: float
    idle_s: float
    steal_s: float
    """Wanted by this machine, and given to another by the hypervisor."""


def core_times(cores: Iterable[int]) -> CoreTimes | None:
    """Of these cores; None where the kernel does not tell of each."""
    wanted = {f"cpu{core}" for core in cores}
    found = []
    with suppress(OSError, ValueError):
        for line in (PROC / "stat").read_text(encoding="ascii").splitlines():
            name, *numbers = line.split()
            if name in wanted:
                found.append([int(number) / TICKS_PER_S for number in numbers])
    if len(found) != len(wanted) or any(len(each) <= STEAL for each in found):
        return None
    return CoreTimes(
        busy_s=sum(each[kind] for each in found for kind in BUSY),
        idle_s=sum(each[IDLE] + each[IOWAIT] for each in found),
        steal_s=sum(each[STEAL] for each in found),
    )


def tree_times(root: int) -> Mapping[int, float]:
    """The processor time of a process and of all that descend from it, s, by process id."""
    return {pid: time_s for pid in _tree(root) if (time_s := _time_s(pid)) is not None}


def _tree(root: int) -> Iterator[int]:
    yield root
    with suppress(OSError):
        for task in (PROC / str(root) / "task").iterdir():
            with suppress(OSError, ValueError):
                for child in (task / "children").read_text(encoding="ascii").split():
                    yield from _tree(int(child))


def _time_s(pid: int) -> float | None:
    """None: it has ended."""
    with suppress(OSError, ValueError, IndexError):
        # The name may hold brackets and blanks: what follows the last bracket counts.
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        return sum(int(fields[place]) for place in OF_PROCESS) / TICKS_PER_S
    return None


def throttled_s() -> float | None:
    """For how long the control group's limit kept us from the processor; None: it has none."""
    with suppress(OSError, ValueError):
        for line in (CGROUP / "cpu.stat").read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(" ")
            if name == "throttled_usec":
                return int(value) / 1e6
    return None
