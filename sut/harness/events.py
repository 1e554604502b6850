"""What a session does, as lines for a program: one JSON object a line, as it happens.

Every line has `event` and `at` (UTC, ISO 8601). The events and their other fields are listed in
docs/events.md. A console that takes no events prints only for people.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any

from rich.console import Console


class EventConsole(Console):
    """A console for people that a program listens to as well.

    Args:
        lines: where the events go.
        console: whose stream and silence it takes.
    """

    def __init__(self, lines: IO[str], console: Console):
        super().__init__(file=console.file, quiet=console.quiet, markup=False, emoji=False)
        self._lines = lines

    def event(self, kind: str, fields: dict[str, Any]) -> None:
        """Write one line, whole, at once: whoever reads it may wait for it.

        A reader that has gone costs no run.
        """
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with suppress(OSError, ValueError):
            self._lines.write(json.dumps({"event": kind, "at": at, **fields}) + "\n")
            self._lines.flush()


def tell(console: Console, kind: str, **fields: Any) -> None:
    """An event, where somebody listens to them."""
    if isinstance(console, EventConsole):
        console.event(kind, fields)
