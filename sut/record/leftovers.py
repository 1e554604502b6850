"""What a killed session left on this machine besides its folder: processes, memory, folders."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from sut.machine.processes import OF_PROCESS, SHARED, end_all, named_by_the_dead
from sut.record.folder import SessionDir
from sut.record.mark import VARIABLE, Mark

RAY = "ray"
# Ray names a session's folder by its time and its driver.
TEMPORARY = re.compile(r"sut-(\d+)-.*")
RAY_SESSION = re.compile(r"session_.*_(\d+)")


@dataclass(frozen=True)
class Leftovers:
    """Of one session, as far as this machine shows.

    Attributes:
        processes: that were started by it and live.
        shared: files in memory, named by a process of it that is gone.
        folders: temporary ones, named by a process that is gone.
    """

    processes: tuple[psutil.Process, ...]
    shared: tuple[Path, ...]
    folders: tuple[Path, ...]

    def lines(self) -> Iterator[str]:
        """Each in words."""
        for process in self.processes:
            with contextlib.suppress(psutil.Error):
                yield f"process {process.pid}: {' '.join(process.cmdline())[:100]}"
        yield from (f"shared memory {path}" for path in self.shared)
        yield from (f"temporary folder {path}" for path in self.folders)

    def end(self) -> list[str]:
        """End and remove them; return what is still there, in words."""
        left = [f"process {process.pid}" for process in end_all(self.processes)]
        for path in self.shared:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        for path in self.folders:
            shutil.rmtree(path, ignore_errors=True)
        return left + [str(path) for path in (*self.shared, *self.folders) if path.exists()]


def leftovers_of(session: SessionDir, mark: Mark) -> Leftovers:
    """Look for what this session left; its harness is gone."""
    temporary = Path(tempfile.gettempdir())
    rays = named_by_the_dead(temporary / RAY, (RAY_SESSION,))
    folders = [
        *named_by_the_dead(temporary, (TEMPORARY,)),
        *(path for path in rays if path.name.endswith(f"_{mark.pid}")),
    ]
    return Leftovers(
        tuple(_processes(str(session.root.resolve()))),
        tuple(_made_since(mark, named_by_the_dead(SHARED, OF_PROCESS))),
        tuple(_made_since(mark, folders)),
    )


def _processes(session: str) -> Iterator[psutil.Process]:
    """Those that have the session's folder in their environment."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(VARIABLE) == session:
                yield process


def _made_since(mark: Mark, found: Iterable[Path]) -> Iterator[Path]:
    """Those that are younger than the harness: the names do not say whose they are."""
    began_s = psutil.boot_time() + mark.started_ticks / os.sysconf("SC_CLK_TCK")
    with contextlib.suppress(OSError):
        yield from (path for path in found if path.stat().st_mtime >= began_s)
