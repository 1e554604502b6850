"""What a session does, told to programs as it happens: as lines of JSON, or to whoever listens.

Every event has a kind, and fields that docs/events.md lists. A console that takes no events prints
only for people.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import IO, Any

from rich.console import Console

Listener = Callable[[str, Mapping[str, Any]], None]
"""Is given each event's kind and fields, on the thread on which it happens."""


def json_lines(stream: IO[str]) -> Listener:
    """Writes each event as one line, whole, at once: whoever reads it may wait for it.

    Every line has `event` and `at` (UTC, ISO 8601). A reader that has gone costs no run.
    """

    def write(kind: str, fields: Mapping[str, Any]) -> None:
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with suppress(OSError, ValueError):
            stream.write(json.dumps({"event": kind, "at": at, **fields}) + "\n")
            stream.flush()

    return write


class EventConsole(Console):
    """A console for people that programs listen to as well.

    Args:
        listeners: they are told of each event, in this order.
        console: whose stream and silence it takes.
    """

    def __init__(self, listeners: Sequence[Listener], console: Console):
        super().__init__(file=console.file, quiet=console.quiet, markup=False, emoji=False)
        self._listeners = listeners

    def event(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Tell every listener."""
        for each in self._listeners:
            each(kind, fields)


def tell(console: Console, kind: str, **fields: Any) -> None:
    """An event, where somebody listens to them."""
    if isinstance(console, EventConsole):
        console.event(kind, fields)
