"""The kernel's counts of processor time, from files that a test wrote and from the kernel's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sut.machine import cpu_time
from sut.machine.cpu_time import CoreTimes, core_times, throttled_s, tree_times

TICKS = cpu_time.TICKS_PER_S
STAT = (
    f"cpu  9 9 9 9 9 9 9 9 0 0\n"
    f"cpu0 {1 * TICKS} {2 * TICKS} {3 * TICKS} {10 * TICKS} {1 * TICKS} {4 * TICKS} {5 * TICKS} "
    f"{7 * TICKS} 0 0\n"
    f"cpu1 {1 * TICKS} 0 0 {20 * TICKS} 0 0 0 0 0 0\n"
    "intr 1 2\n"
)


@pytest.fixture
def proc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cpu_time, "PROC", tmp_path)
    monkeypatch.setattr(cpu_time, "CGROUP", tmp_path)
    return tmp_path


def test_time_of_cores_is_summed_over_those_asked_for(proc: Path) -> None:
    (proc / "stat").write_text(STAT)
    assert core_times([0]) == CoreTimes(busy_s=15, idle_s=11, steal_s=7)
    assert core_times([0, 1]) == CoreTimes(busy_s=16, idle_s=31, steal_s=7)


@pytest.mark.parametrize("text", ["", "cpu0 1 2 3\n", "cpu0 a b c d e f g h\n", STAT[:40]])
def test_what_the_kernel_does_not_tell_is_not_known(proc: Path, text: str) -> None:
    assert core_times([0]) is None
    (proc / "stat").write_text(text)
    assert core_times([0, 2]) is None


def process(proc: Path, pid: int, ticks: int, children: str = "", name: str = "a b) c") -> None:
    folder = proc / str(pid) / "task" / str(pid)
    folder.mkdir(parents=True)
    (folder / "children").write_text(children)
    rest = " ".join(["S", *["0"] * 10, str(ticks), str(ticks), *["0"] * 20])
    (proc / str(pid) / "stat").write_text(f"{pid} ({name}) {rest}\n")


def test_time_of_a_tree_is_each_process_s_own(proc: Path) -> None:
    process(proc, 1, 50, "2 3 ")
    process(proc, 2, 100, "4 ")
    process(proc, 4, 25)
    # 3 ended between the two looks: nothing of it is there.
    assert tree_times(1) == {1: 100 / TICKS, 2: 200 / TICKS, 4: 50 / TICKS}


def test_the_limit_of_a_control_group(proc: Path) -> None:
    assert throttled_s() is None
    (proc / "cpu.stat").write_text("usage_usec 9\nnr_throttled 2\nthrottled_usec 1500000\n")
    assert throttled_s() == 1.5
    (proc / "cpu.stat").write_text("usage_usec 9\n")
    assert throttled_s() is None


def test_this_process_and_its_children_are_found() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = tree_times(os.getpid())
        child.communicate(b"\n")
    assert found[os.getpid()] > 0
    assert child.pid in found
    assert child.pid not in tree_times(os.getpid())
