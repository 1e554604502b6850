"""How far a LoadGen run is: a live view on a terminal, a line now and then elsewhere, events."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live

from sut.harness.events import EventConsole, tell
from sut.harness.lookout import Look, Lookout
from sut.harness.screen import screen
from sut.report.plan_text import clock

LOOK_S = 1.0
LINE_INTERVAL_S = 30.0


def takes_a_view(console: Console) -> bool:
    """Whether the view can be drawn again and again where the console writes.

    A pipe is never drawn on, whatever FORCE_COLOR says: rich would take it for a terminal.
    """
    terminal = console.is_terminal and not console.is_dumb_terminal
    return terminal and not console.quiet and console.file.isatty()


class RunProgress:
    """Shows a run while it goes on.

    Args:
        console: for progress.
        label: what is running, e.g. "Server performance".
        lookout: over its ledger.
        clock_s: monotonic.
    """

    def __init__(
        self,
        console: Console,
        label: str,
        lookout: Lookout,
        clock_s: Callable[[], float] = time.monotonic,
    ):
        self._console, self._label, self._lookout = console, label, lookout
        self._clock_s = clock_s
        self._started = clock_s()
        self._looked: float | None = None
        self._last_line: float | None = None
        self._view: Live | None = None

    def __enter__(self) -> RunProgress:
        if takes_a_view(self._console):
            # Nothing is drawn between two looks: a thread that did would take time from the run.
            self._view = Live(
                console=self._console, auto_refresh=False, transient=True, redirect_stdout=False
            )
            self._view.start()
            # Whoever ends us by force would be left without one.
            self._console.show_cursor(True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._view is not None:
            self._view.stop()
            self._console.print(self._line(self._lookout.look()), highlight=False)

    def update(self, *, last: bool = False) -> None:
        """Show where the run stands, once a second at most.

        Args:
            last: the run is over; it is shown whenever that was.
        """
        now = self._clock_s()
        if not last and self._looked is not None and now - self._looked < LOOK_S:
            return
        self._looked = now
        if self._view is None and not isinstance(self._console, EventConsole):
            self._print_line(self._lookout.look(), now)
            return
        look = self._lookout.look_closely()
        elapsed_s = round(now - self._started, 3)
        tell(self._console, "progress", run=self._label, elapsed_s=elapsed_s, **fields_of(look))
        if self._view is None:
            self._print_line(look, now)
            return
        shown = screen(
            self._label,
            self._lookout.pace,
            look,
            plain=not self._console.encoding.startswith("utf"),
        )
        self._view.update(shown, refresh=True)

    def _print_line(self, look: Look, now: float) -> None:
        """The first line comes with the first answer: it shows that queries flow."""
        due = self._last_line is not None and now - self._last_line >= LINE_INTERVAL_S
        if due or (self._last_line is None and look.seen.ended):
            self._last_line = now
            self._console.print(self._line(look), highlight=False)

    def _line(self, look: Look) -> str:
        elapsed_s = self._clock_s() - self._started
        notes = [f"{self._label}: {look.seen.ended}/{look.expected} after {elapsed_s:.0f} s"]
        if look.left_s is not None:
            notes.append(f"ETA {clock(look.left_s)}")
        if look.failed:
            notes.append(f"{look.failed} failed")
        return ", ".join(notes)


def fields_of(look: Look) -> dict[str, Any]:
    """What the event of a close look says; docs/events.md lists it."""
    figures = look.figures
    assert figures is not None, "a close look has figures"
    return {
        "issued": look.seen.issued,
        "ended": look.seen.ended,
        "failed": look.failed,
        "expected": look.expected,
        "eta_s": None if look.left_s is None else round(look.left_s, 1),
        "needed": figures.needed,
        "tokens_out": figures.tokens_out,
        "tokens_per_s": figures.tokens_per_s,
        "answers_per_s": figures.answers_per_s,
        "times": [
            {
                "name": each.watched.kind,
                "percentile": each.watched.percentile,
                "ms": each.ms,
                "limit_ms": each.watched.limit_ms,
                "late": each.late,
            }
            for each in figures.times
        ],
        "preemptions": figures.preemptions,
        "preempted_on": {str(replica): each for replica, each in figures.preempted_on.items()},
    }
