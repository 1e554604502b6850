"""What a killed session left on the machine is told from what is another's, and ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sut.record import leftovers
from sut.record.folder import SessionDir
from sut.record.leftovers import leftovers_of
from sut.record.mark import Mark, named_in_the_environment

SLEEP = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionDir:
    root = tmp_path / "node_20261127T000000Z"
    root.mkdir()
    monkeypatch.setattr(psutil, "boot_time", lambda: 90.0)
    monkeypatch.setattr(leftovers, "SHARED", tmp_path / "shm")
    (tmp_path / "shm").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "ray").mkdir()
    return SessionDir.open(root)


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def mark(pid: int) -> Mark:
    """Of a harness that began at 100 s."""
    ticks = 10 * os.sysconf("SC_CLK_TCK")
    return Mark(host="here", boot_id=None, pid=pid, started_ticks=ticks, phase="warming up")


@pytest.fixture
def started(session: SessionDir) -> Iterator[subprocess.Popen[bytes]]:
    with named_in_the_environment(session):
        process = subprocess.Popen(SLEEP, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()  # its environment is its own from here on
    yield process
    process.kill()
    process.communicate()


def test_its_processes_are_told_by_the_session_and_ended(
    session: SessionDir, started: subprocess.Popen[bytes], dead: int
) -> None:
    found = leftovers_of(session, mark(dead))
    assert [each.pid for each in found.processes] == [started.pid]
    assert next(found.lines()).startswith(f"process {started.pid}: ")
    assert found.end() == []
    assert not psutil.pid_exists(started.pid)


def test_those_of_another_session_are_not(
    session: SessionDir, started: subprocess.Popen[bytes], tmp_path: Path, dead: int
) -> None:
    other = tmp_path / "node_20261127T000001Z"
    other.mkdir()
    assert not leftovers_of(SessionDir.open(other), mark(dead)).processes


def test_shared_memory_of_a_process_that_is_gone(
    session: SessionDir, tmp_path: Path, dead: int
) -> None:
    names = [f"__KMP_REGISTERED_LIB_{dead}_0", f"torch_{dead}_1_2"]
    others = [f"__KMP_REGISTERED_LIB_{os.getpid()}_0", "psm_1234", f"old_{dead}"]
    for name in (*names, *others):
        (tmp_path / "shm" / name).touch()
    earlier = tmp_path / "shm" / f"__KMP_REGISTERED_LIB_{dead}_1"
    earlier.touch()
    os.utime(earlier, (99, 99))
    found = leftovers_of(session, mark(dead))
    assert [path.name for path in found.shared] == names
    assert found.end() == []
    assert {path.name for path in (tmp_path / "shm").iterdir()} == {*others, earlier.name}


def test_the_folder_of_its_own_ray_session(session: SessionDir, tmp_path: Path, dead: int) -> None:
    own = tmp_path / "ray" / f"session_2026-11-27_00-00-00_000000_{dead}"
    own.mkdir()
    (own / "logs").mkdir()
    (tmp_path / "ray" / f"session_2026-11-27_00-00-00_000000_{dead}9").mkdir()
    sockets = tmp_path / f"sut-{dead}-abc"
    for name in (sockets.name, f"sut-{os.getpid()}-abc", "sut-rescued-abc"):
        (tmp_path / name).mkdir()
    found = leftovers_of(session, mark(dead))
    assert found.folders == (sockets, own)
    assert list(found.lines()) == [f"temporary folder {path}" for path in (sockets, own)]
    found.end()
    assert not own.exists()
    assert not sockets.exists()
