"""Drives the command line as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 280
LOOK_S = 0.05
T = TypeVar("T")


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str
    results: Path

    @property
    def sessions(self) -> list[Path]:
        return sorted(path for path in self.results.glob("*") if path.is_dir())

    @property
    def session(self) -> Path:
        (session,) = self.sessions
        return session

    @property
    def result(self) -> dict[str, Any]:
        (file,) = self.results.glob("mlperf_datacenter_*.json")
        document: dict[str, Any] = json.loads(file.read_text())
        return document


def command(results: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "sut.main", "--results-dir", str(results), *arguments]


def user_environment() -> dict[str, str]:
    return {**os.environ, "NODE_NAME": "node-a"}


def settings(**values: object) -> list[str]:
    """`--set` for each; a double underscore stands for the dot."""
    return [
        word
        for key, value in values.items()
        for word in ("--set", f"{key.replace('__', '.')}={value}")
    ]


@pytest.fixture
def sut(tmp_path: Path) -> Callable[..., Finished]:
    """Run `python -m sut.main` with these arguments in an empty working directory."""

    def run(*arguments: str, cwd: Path | None = None) -> Finished:
        results = tmp_path / "results"
        done = subprocess.run(
            command(results, *arguments),
            cwd=cwd or tmp_path,
            env=user_environment(),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr, results)

    return run


def left_running(marker: str) -> list[str]:
    """Command lines of processes that still name `marker`.

    An engine's process whose harness lives is somebody else's: ours has ended by now.
    """
    found = []
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or [])
        theirs = line.startswith("VLLM::") and _has_a_harness(process)
        if marker in line and process.pid != os.getpid() and not theirs:
            found.append(line)
    return found


def _has_a_harness(engine: psutil.Process) -> bool:
    try:
        above = engine.parent()
        return above is not None and "python" in " ".join(above.cmdline())
    except psutil.Error:
        return False


@contextmanager
def running(
    results: Path, *arguments: str, variables: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """The harness in the background; it is gone at the end."""
    process = subprocess.Popen(
        command(results, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**user_environment(), **(variables or {})},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(done: Callable[[], T]) -> T:
    """Look again and again, until it is so."""
    end_s = time.monotonic() + TIMEOUT_S
    while not (found := done()):
        if time.monotonic() > end_s:
            pytest.fail(f"it was not so within {TIMEOUT_S} s")
        time.sleep(LOOK_S)
    return found


def wait_for_line(process: subprocess.Popen[str], words: str) -> str:
    """Read what the harness says until it says this; the line."""
    assert process.stderr is not None
    for line in process.stderr:
        if words in line:
            return line
    pytest.fail(f"the harness never printed {words!r}")
