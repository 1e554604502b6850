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

from sut.machine.processes import end_all
from sut.record.folder import SessionDir
from sut.record.mark import VARIABLE, Mark

SHARED = Path("/dev/shm")
# Named by the process that made it: Intel's OpenMP, as it registers itself; torch's tensors.
OF_PROCESS = (re.compile(r"__KMP_REGISTERED_LIB_(\d+)_\d+"), re.compile(r"torch_(\d+)_.*"))
RAY = "ray"
# Ray names a session's folder by its time and its driver.
RAY_SESSION = re.compile(r"session_.*_(\d+)")


@dataclass(frozen=True)
class Leftovers:
    """Of one session, as far as this machine shows.

    Attributes:
        processes: that were started by it and live.
        shared: files in memory, named by a process of it that is gone.
        folders: temporary ones, by their names of its harness.
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
    rays = _named_by_the_dead(Path(tempfile.gettempdir()) / RAY, (RAY_SESSION,))
    return Leftovers(
        tuple(_processes(str(session.root.resolve()))),
        tuple(_made_since(session.config, _named_by_the_dead(SHARED, OF_PROCESS))),
        tuple(path for path in rays if path.name.endswith(f"_{mark.pid}")),
    )


def _processes(session: str) -> Iterator[psutil.Process]:
    """Those that have the session's folder in their environment."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(VARIABLE) == session:
                yield process


def _made_since(first: Path, found: Iterable[Path]) -> Iterator[Path]:
    """Those that are younger than the session's first file: the names do not say whose they are."""
    with contextlib.suppress(OSError):
        began_s = first.stat().st_mtime
        yield from (path for path in found if path.stat().st_mtime >= began_s)


def _named_by_the_dead(folder: Path, names: Iterable[re.Pattern[str]]) -> Iterator[Path]:
    """Our own files there that carry the number of a process which is gone."""
    for path in sorted(folder.glob("*")):
        number = next((int(found[1]) for name in names if (found := name.fullmatch(path.name))), 0)
        with contextlib.suppress(OSError):
            if number and not psutil.pid_exists(number) and path.stat().st_uid == os.getuid():
                yield path
