"""A session between its first file and its last: what its steps share, and what an error means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from sut.bug import bug_of_ours
from sut.errors import BROKEN, FULL, HarnessError, RunError, no_space
from sut.harness.conclude import ending_of
from sut.harness.phases import Overdue, Phases
from sut.machine.signals import Stops
from sut.record.ending import EndingFacts
from sut.record.folder import SessionDir
from sut.record.mark import drop_mark, named_in_the_environment, set_mark


@dataclass(frozen=True)
class UnderWay:
    """What the steps of a session share.

    Attributes:
        kept: files of the session that are in memory too, should its folder be lost.
    """

    session: SessionDir
    phases: Phases
    stops: Stops
    console: Console
    kept: dict[Path, bytes] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """A line for the user."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def ending(self, error: Exception | KeyboardInterrupt) -> EndingFacts:
        """What to write down of an error; it is raised where there is nothing to make a result of.

        Raises:
            HarnessError, KeyboardInterrupt: no engine was ever ready.
        """
        if self.session.session_facts not in self.kept:
            raise self._told(error) from error
        return ending_of(error, self.phases.name, self.session)

    def _told(self, error: Exception | KeyboardInterrupt) -> BaseException:
        root = self.session.root
        if isinstance(error, Overdue):
            log = self.session.engine_log
            remedy = f"Look into {log}." if log.is_file() else None
            return RunError(f"{error.message}.", where=str(root), remedy=remedy)
        if isinstance(error, HarnessError | KeyboardInterrupt):
            return error
        if isinstance(error, OSError) and error.errno in FULL:
            return no_space(error, root)
        if isinstance(error, OSError) and _of_folder(error, root):
            return RunError(f"nothing can be written there: {error.strerror}.", where=str(root))
        return bug_of_ours(error, root)


def _of_folder(error: OSError, root: Path) -> bool:
    """Whether it is the session's folder that refused; a descriptor's error names no file."""
    if error.filename is None:
        return error.errno in BROKEN
    return os.fsdecode(error.filename).startswith(str(root))


@contextmanager
def marked(
    session: SessionDir, phases: Phases, told: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Within the block the session can be told from one that has ended, and so can its processes.

    The mark stays where a run could not be finished: `recover` goes by it.

    Args:
        session: its folder.
        phases: what it does.
        told: is given the name of each phase, too.
    """

    def begun(name: str) -> None:
        set_mark(session, name)
        told(name)

    set_mark(session, phases.name)
    phases.tell(begun)
    try:
        with named_in_the_environment(session):
            yield
    except BaseException:
        if not any(session.root.glob("*/*/.begun.json")):
            drop_mark(session)
        raise
    else:
        drop_mark(session)
    finally:
        phases.tell(lambda _: None)  # where the engine goes on, the next phase is not its own
