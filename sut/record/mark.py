"""`.running.json`: a session that is under way, or was when its harness was killed.

It is there from the session's first file to its last. What is left of a killed one is found by it.
"""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sut.errors import LogError
from sut.machine.processes import boot_id, started_ticks
from sut.record.folder import SessionDir
from sut.record.frozen import Facts
from sut.record.session import as_model, read_document

NAME = ".running.json"
VARIABLE = "SUT_SESSION"
"""The session's folder, in the environment of every process that it starts."""


class Mark(Facts):
    """Whose session it is, and how far it came."""

    host: str
    boot_id: str | None
    pid: int
    started_ticks: int
    phase: str

    @property
    def here(self) -> bool:
        """Whether this machine knows how its harness is."""
        return self.host == platform.node()

    @property
    def alive(self) -> bool:
        """Whether its harness still runs; of another machine nobody can say."""
        return (
            self.here
            and self.boot_id == boot_id()
            and started_ticks(self.pid) == self.started_ticks
        )


def set_mark(session: SessionDir, phase: str) -> None:
    """Say what this process is doing with the session; a disk that refuses costs the mark alone."""
    mark = Mark(
        host=platform.node(),
        boot_id=boot_id(),
        pid=os.getpid(),
        started_ticks=started_ticks(os.getpid()) or 0,
        phase=phase,
    )
    fresh = session.root / f"{NAME}.new"
    with contextlib.suppress(OSError):
        fresh.write_text(mark.model_dump_json(indent=2) + "\n", encoding="utf-8")
        fresh.replace(session.root / NAME)


def read_mark(session: SessionDir) -> Mark | None:
    """None: the session has ended by itself, or another harness made it that set none.

    Raises:
        LogError: the file is malformed.
    """
    path = session.root / NAME
    return as_model(Mark, read_document(path), path) if path.is_file() else None


def drop_mark(session: SessionDir) -> None:
    """The session has ended."""
    with contextlib.suppress(OSError):
        (session.root / NAME).unlink(missing_ok=True)


@contextmanager
def named_in_the_environment(session: SessionDir) -> Iterator[None]:
    """Processes started within the block can be told by the session's folder."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(session.root.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def cut_off(results_dir: Path) -> list[Path]:
    """Folders of sessions of this machine whose harness is gone."""
    found = []
    for path in sorted(results_dir.glob(f"*/{NAME}")):
        with contextlib.suppress(LogError):
            mark = read_mark(SessionDir.open(path.parent))
            if mark is not None and mark.here and not mark.alive:
                found.append(path.parent)
    return found
