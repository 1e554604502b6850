"""A command under way: where its files are, and which processes it has."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

MOMENT_S = 120.0
"""So long a moment is waited for."""
# Folders of a fault: what is made for it, and what its command makes.
GIVEN, RESULTS, TEMPORARY, WORKING = "given", "results", "tmp", "cwd"


@dataclass
class Under:
    """A command under way, for the blow.

    Attributes:
        folder: the fault's own.
        process: the harness.
        started: numbers of all processes that were seen of it.
    """

    folder: Path
    process: subprocess.Popen[bytes]
    started: set[int] = field(default_factory=set)

    @property
    def results(self) -> Path:
        """Its results directory."""
        return self.folder / RESULTS

    @property
    def session(self) -> Path:
        """The folder of its session."""
        return next(path for path in sorted(self.results.iterdir()) if path.is_dir())

    @property
    def run(self) -> Path:
        """The folder of its run."""
        return next(self.session.glob("*/*"))

    def child(self, words: str) -> psutil.Process:
        """The first process of it whose name or command line has these words, once there is one."""
        end = time.monotonic() + MOMENT_S
        while time.monotonic() < end:
            for each in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if words in " ".join([each.name(), *each.cmdline()]):
                        return each
        raise TimeoutError(words)

    def loadgen(self) -> psutil.Process:
        """LoadGen's process."""
        return self.child("sut.loadgen.child")


def send(number: signal.Signals) -> Callable[[Under], None]:
    """The signal, to the harness."""
    return lambda under: under.process.send_signal(number)
