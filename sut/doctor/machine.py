"""The machine: what a run needs of it, and what would disturb one."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from sut.doctor.row import Row, fail, ok, warn
from sut.machine.devices import usable_cores
from sut.machine.processor import flags as processor_flags
from sut.machine.processor import has_avx512

GIB = 2**30
DESCRIPTORS_MIN = 1024
SHM = Path("/dev/shm")
SHM_MIN_GIB = 0.5
# A session with its logs, ledger and trace takes some MB for each thousand queries.
DISK_MIN_GIB, DISK_FEW_GIB, INODES_MIN = 1, 5, 1000
MEMORY_MIN_GIB = 4
LOAD_MOST, LOOK_S = 0.2, 0.5
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
CLOCK = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
NODES = Path("/sys/devices/system/node")
CGROUP = Path("/sys/fs/cgroup")
STEADY_CLOCKS = ("tsc", "arch_sys_counter", "kvm-clock")
NO_LIMIT = "max"


def disk(folder: Path) -> Iterable[Row]:
    """Room, inodes and links where the results go."""
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    free_gib = shutil.disk_usage(there).free / GIB
    found, name = f"{free_gib:.1f} GiB free at {folder}", "disk"
    remedy = "Free some, or choose another folder with --results-dir."
    if free_gib < DISK_MIN_GIB:
        yield fail(name, found, remedy)
    elif free_gib < DISK_FEW_GIB:
        yield warn(name, found, remedy)
    else:
        yield ok(name, found)
    inodes = os.statvfs(there)
    if inodes.f_files and inodes.f_favail < INODES_MIN:
        yield fail("inodes", f"{inodes.f_favail} left at {folder}", "Remove files there.")
    yield _writable(there)


def _writable(folder: Path) -> Row:
    name = "results folder"
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".doctor-") as scratch:
            file = Path(scratch) / "file"
            file.write_text("x", encoding="utf-8")
            try:
                os.link(file, Path(scratch) / "link")
            except OSError:
                return ok(
                    name, f"{folder} can be written; it has no hard links, and none is needed"
                )
    except OSError as error:
        why = f"{folder} cannot be written: {error.strerror}"
        return fail(name, why, "Choose another folder with --results-dir.")
    return ok(name, f"{folder} can be written")


def memory() -> Iterable[Row]:
    """What is free, of the machine and within the limit of the control group."""
    free = psutil.virtual_memory().available
    limit = _cgroup_left()
    least = min(free, limit) if limit is not None else free
    within = "" if limit is None or limit >= free else ", by the limit of the control group"
    found = f"{least / GIB:.1f} GiB free{within}"
    if least < MEMORY_MIN_GIB * GIB:
        yield warn("memory", found, "End other programs, or raise the container's limit.")
    else:
        yield ok("memory", found)
    events = _words(CGROUP / "memory.events")
    if int(events.get("oom_kill", 0)):
        what = f"the kernel killed {events['oom_kill']} processes here for memory"
        yield warn("memory kills", what, "Raise the container's memory limit.")


def _cgroup_left() -> int | None:
    with suppress(OSError, ValueError):
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        if limit != NO_LIMIT:
            used = int((CGROUP / "memory.current").read_text(encoding="ascii"))
            return max(0, int(limit) - used)
    return None


def _words(path: Path) -> dict[str, str]:
    with suppress(OSError):
        lines = path.read_text(encoding="ascii").splitlines()
        return {parts[0]: parts[1] for line in lines if len(parts := line.split()) == 2}
    return {}


def limits() -> Iterable[Row]:
    """Descriptors and shared memory."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = f"{soft} descriptors"
    if soft != resource.RLIM_INFINITY and soft < DESCRIPTORS_MIN:
        yield warn("descriptors", found, f"Run: ulimit -n {DESCRIPTORS_MIN} or more.")
    else:
        yield ok("descriptors", found)
    if not SHM.is_dir():
        yield fail(
            "shared memory", f"there is no {SHM}", "Mount one, e.g. docker run --shm-size 2g."
        )
        return
    free_gib = shutil.disk_usage(SHM).free / GIB
    found = f"{free_gib:.1f} GiB free in {SHM}"
    if free_gib < SHM_MIN_GIB:
        yield warn("shared memory", found, "Give the container more: docker run --shm-size 2g.")
    else:
        yield ok("shared memory", found)


def processor() -> Iterable[Row]:
    """Cores, instructions, governor, sockets."""
    cores = len(usable_cores())
    yield ok("cores", f"{cores} threads may be used")
    flags = processor_flags()
    if flags and not flags & {"avx2", "asimd"}:
        what = "the processor has neither AVX2 nor NEON, which vLLM's CPU build is compiled for"
        yield fail("instructions", what, "Use another machine, or a GPU.")
    elif flags:
        best = next((f for f in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if f in flags), "-")
        slow = "" if has_avx512() else "; bfloat16 is slow without AVX-512, float32 is not"
        yield ok("instructions", f"{best if best != '-' else 'asimd'}{slow}")
    with suppress(OSError):
        governor = GOVERNOR.read_text(encoding="ascii").strip()
        if governor == "performance":
            yield ok("governor", governor)
        else:
            remedy = "As root: cpupower frequency-set -g performance."
            yield warn("governor", f"{governor}: clocks follow the load", remedy)
    nodes = len(list(NODES.glob("node[0-9]*"))) if NODES.is_dir() else 1
    if nodes > 1:
        remedy = "Bind the run to one, e.g. numactl --cpunodebind=0 --membind=0."
        yield warn("NUMA", f"{nodes} memory nodes; nothing binds this process to one", remedy)


def load() -> Iterable[Row]:
    """What else runs: it takes time from the run, and shows as its latency."""
    before = psutil.cpu_times()
    mine = psutil.Process().cpu_times()
    time.sleep(LOOK_S)
    after, own = psutil.cpu_times(), psutil.Process().cpu_times()
    passed = sum(after) - sum(before)
    idle = after.idle - before.idle + getattr(after, "iowait", 0) - getattr(before, "iowait", 0)
    ours = own.user + own.system - mine.user - mine.system
    others = max(0.0, passed - idle - ours) / passed if passed else 0.0
    found = f"others use {others:.0%} of the processor"
    if others > LOAD_MOST:
        yield warn("other load", found, "End it, or expect longer tails.")
    else:
        yield ok("other load", found)
    stolen = (getattr(after, "steal", 0) - getattr(before, "steal", 0)) / passed if passed else 0
    if stolen > LOAD_MOST / 4:
        yield warn("steal", f"the hypervisor gave {stolen:.0%} of the time to others")


def clocks() -> Iterable[Row]:
    """What LoadGen's times rest on."""
    with suppress(OSError):
        source = CLOCK.read_text(encoding="ascii").strip()
        if source in STEADY_CLOCKS:
            yield ok("clock", source)
        else:
            yield warn("clock", f"{source}: each reading of the time is slow")
