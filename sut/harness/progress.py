"""The bar while LoadGen runs: shows what a lookout sees, touches nothing else."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from sut.harness.events import tell
from sut.harness.lookout import Look, Lookout
from sut.report.plan_text import clock

LINE_INTERVAL_S = 30.0


class RunProgress:
    """Samples ended of those expected, with an ETA; a line now and then without a terminal.

    Args:
        console: for progress.
        label: what is running, e.g. "Server performance".
        lookout: over its ledger.
    """

    def __init__(self, console: Console, label: str, lookout: Lookout):
        self._console = console
        self._label = label
        self._lookout = lookout
        self._started = time.monotonic()
        self._last_line: float | None = None
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> RunProgress:
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=None, note="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self) -> None:
        """Show where the run stands."""
        look = self._lookout.look()
        self._tell(look)
        done = look.seen.ended
        if self._bar is not None and self._task is not None:
            note = " ".join(_notes(look))
            self._bar.update(self._task, completed=done, total=look.expected, note=note)
            return
        now = time.monotonic()
        # The first line comes with the first answer: it shows that queries flow.
        due = done if self._last_line is None else now - self._last_line >= LINE_INTERVAL_S
        if due:
            self._last_line = now
            self._console.print(self._line(look, now - self._started), highlight=False)

    def _tell(self, look: Look) -> None:
        tell(
            self._console,
            "progress",
            run=self._label,
            issued=look.seen.issued,
            ended=look.seen.ended,
            failed=look.failed,
            expected=look.expected,
            elapsed_s=round(time.monotonic() - self._started, 3),
            eta_s=None if look.left_s is None else round(look.left_s, 1),
        )

    def _line(self, look: Look, elapsed_s: float) -> str:
        so_far = f"{look.seen.ended}/{look.expected} after {elapsed_s:.0f} s"
        return f"{self._label}: {', '.join([so_far, *_notes(look)])}"


def _notes(look: Look) -> list[str]:
    notes = [] if look.left_s is None else [f"ETA {clock(look.left_s)}"]
    return [*notes, f"{look.failed} failed"] if look.failed else notes
