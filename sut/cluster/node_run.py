"""The actor of a coordinated run: starts our own command line on its node and speaks for it.

The run is a process of its own, the same program as a run on one node; the actor holds the
other end of its start gate (`sut.cluster.gate`) and hands its session back as one archive.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import platform
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sut.cluster.gate import GO, PING, READY
from sut.config.flags import ENVIRONMENT
from sut.engines.ray.children import wait_for_own
from sut.machine.devices import gpus
from sut.record.folder import NODE_LOG

TAIL_LINES = 20
END_S = 5.0
# How often within the patience it is looked at.
LOOKS = 10
# Ray sets it to the cores it set aside for the actor, which a run started by hand does not have.
OF_RAY = "OMP_NUM_THREADS"


@dataclass(frozen=True)
class Ready:
    """The run waits to be let into this LoadGen run."""

    label: str


@dataclass(frozen=True)
class Ended:
    """The run's process is gone."""

    code: int
    last_line: str | None

    @property
    def reason(self) -> str:
        """How it ended, in words."""
        how = f"exit code {self.code}"
        if self.code < 0:
            how = f"signal {signal.Signals(-self.code).name}"
        return f"its run ended with {how}" + (f": {self.last_line}" if self.last_line else "")


Message = Ready | Ended


@dataclass(frozen=True)
class Sign:
    """A sign of life."""

    monotonic_ns: int
    """The node's clock: CLOCK_MONOTONIC, the one its ledger is stamped with."""
    silent_s: float
    """Seconds since the run itself was last heard; 0 where none is running."""


@dataclass
class _Run:
    """One call of the command line."""

    folder: Path
    process: subprocess.Popen[bytes]
    gate: socket.socket
    messages: queue.SimpleQueue[Message] = field(default_factory=queue.SimpleQueue)
    heard_ns: int = field(default_factory=time.monotonic_ns)
    over: threading.Event = field(default_factory=threading.Event)


class NodeRun:
    """Wrapped by Ray as an actor with several threads: a call may block without stopping others."""

    def __init__(self) -> None:
        wait_for_own()
        self._folder = Path(tempfile.mkdtemp(prefix="sut-node-"))
        self._runs: list[_Run] = []
        self._asked_ns = time.monotonic_ns()

    def whereabouts(self) -> dict[str, Any]:
        """Where this process is, the cards it has, and where its runs leave their files."""
        return {
            "host": platform.node(),
            "pid": os.getpid(),
            "gpu_uuids": [gpu.uuid for gpu in gpus()],
            "folder": str(self._folder),
        }

    def start(self, document: str, patience_s: float) -> int:
        """Start the command line; returns its process id.

        Args:
            document: config.json's text; the results directory in it is replaced by ours.
            patience_s: a run that nobody has asked after for so long is ended: the control
                node is gone, or we are cut off from it.
        """
        folder = self._folder / f"run-{len(self._runs)}"
        folder.mkdir()
        resolved = json.loads(document)
        resolved["config"]["results_dir"] = str(folder)
        path = folder / "resolved.json"
        path.write_text(json.dumps(resolved), encoding="utf-8")
        ours, theirs = socket.socketpair()
        with theirs, (folder / NODE_LOG).open("wb") as log:
            words = ["run", "--resolved", str(path), "--start-gate", str(theirs.fileno())]
            process = subprocess.Popen(
                [sys.executable, "-m", "sut.main", *words],
                cwd=folder,
                env=_environment(),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
        run = _Run(folder, process, ours)
        self._runs.append(run)
        self._asked_ns = time.monotonic_ns()
        threading.Thread(target=_listen, args=(run,), daemon=True).start()
        threading.Thread(target=self._watch, args=(run, patience_s), daemon=True).start()
        return process.pid

    def _watch(self, run: _Run, patience_s: float) -> None:
        while not run.over.wait(patience_s / LOOKS):
            if (time.monotonic_ns() - self._asked_ns) / 1e9 > patience_s:
                _end(run, END_S)
                return

    def next_message(self) -> Message:
        """What the run has to say next; blocks until there is something."""
        return self._runs[-1].messages.get()

    def go(self) -> None:
        """Let the run begin."""
        self._runs[-1].gate.sendall(f"{GO}\n".encode())

    def sign(self) -> Sign:
        """Asked for by the coordinator: are node and run still there?"""
        silent_s = 0.0
        self._asked_ns = time.monotonic_ns()
        if self._runs and self._runs[-1].process.poll() is None:
            run = self._runs[-1]
            silent_s = (time.monotonic_ns() - run.heard_ns) / 1e9
            with contextlib.suppress(OSError):  # its end is on its way as a message
                run.gate.sendall(f"{PING}\n".encode())
        return Sign(time.monotonic_ns(), silent_s)

    def stop(self, grace_s: float) -> None:
        """End the run: as Ctrl-C would, and after `grace_s` by force."""
        # Nobody asks after a run that is ending; it has this grace all the same.
        self._asked_ns = time.monotonic_ns() + int(grace_s * 1e9)
        if self._runs:
            _end(self._runs[-1], grace_s)

    def session(self) -> bytes | None:
        """The last run's session folder as a tar file; None where it made none."""
        run = self._runs[-1]
        folders = _sessions(run)
        if not folders:
            return None
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(folders[0], folders[0].name)
            archive.add(run.folder / NODE_LOG, f"{folders[0].name}/{NODE_LOG}")
        return buffer.getvalue()

    def forget(self) -> None:
        """The last run's session has arrived: what it left here may go."""
        run = self._runs[-1]
        run.over.wait(END_S)
        shutil.rmtree(run.folder, ignore_errors=True)

    def close(self) -> list[str]:
        """Leave nothing on the node but sessions that nobody fetched; returns their paths."""
        self.stop(0)
        for run in self._runs:
            run.over.wait(END_S)
        kept = [str(folder) for run in self._runs for folder in _sessions(run)]
        if not kept:
            shutil.rmtree(self._folder, ignore_errors=True)
        return kept

    def end(self) -> None:
        """End this process, after `close`: without its head Ray does so only when the node ends."""
        os._exit(0)


def _sessions(run: _Run) -> list[Path]:
    """Session folders that lie here still."""
    if not run.folder.exists():
        return []
    return [path for path in run.folder.iterdir() if path.is_dir()]


def _environment() -> dict[str, str]:
    """This process's, without what would be taken for an order: all of that is resolved."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ENVIRONMENT and name != OF_RAY
    }


def _end(run: _Run, grace_s: float) -> None:
    process = run.process
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(grace_s)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _listen(run: _Run) -> None:
    """Pass on what the run says; when it closes its end, how it ended."""
    with (
        run.gate,
        contextlib.suppress(OSError),
        run.gate.makefile("r", encoding="utf-8") as lines,
    ):
        for line in lines:
            run.heard_ns = time.monotonic_ns()
            word, _, rest = line.rstrip().partition(" ")
            if word == READY:
                run.messages.put(Ready(rest))
    code = run.process.wait()
    run.messages.put(Ended(code, _last_line(run.folder / NODE_LOG)))
    run.over.set()


def _last_line(log: Path) -> str | None:
    """The last line the run printed: for a run that failed, its error."""
    with log.open(encoding="utf-8", errors="replace") as stream:
        tail = deque((line.strip() for line in stream if line.strip()), TAIL_LINES)
    return tail[-1].removeprefix("sut: ") if tail else None
