"""The end of this process without a result: asked for twice, or nothing else is left.

What was measured lies in the session's folder, and `recover` makes a result of it.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from sut.errors import Interrupted, RunError
from sut.machine.processes import kill_children
from sut.output import tell_past_all


def how_to_recover(session: Path) -> str:
    """The command, for a message."""
    return f"python -m sut.main recover {session}"


class AtOnce:
    """Ends all that was started, says why, and exits; no lock or buffer is waited for."""

    def __init__(self) -> None:
        self.session: Path | None = None
        """Its folder, once there is one."""

    def by_signal(self, who: str) -> None:
        """Somebody asked a second time."""
        self._end(f"{who}: ended at once", Interrupted.exit_code)

    def by_deadline(self, said: str) -> None:
        """A phase is overdue and the main thread cannot be reached."""
        self._end(said, RunError.exit_code)

    def _end(self, said: str, code: int) -> None:
        with contextlib.suppress(Exception):
            kill_children()
        kept = ""
        if self.session is not None:
            kept = f" What was measured is kept: {how_to_recover(self.session)}"
        tell_past_all(f"sut: {said}.{kept}\n")
        os._exit(code)
