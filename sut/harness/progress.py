"""The bar while LoadGen runs: reads the ledger's counts, touches nothing else."""

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
    TimeRemainingColumn,
)

from sut.harness.events import tell
from sut.harness.ledger import Ledger, State

LINE_INTERVAL_S = 30.0


class RunProgress:
    """Samples ended of those expected, with an ETA; a line now and then without a terminal.

    Args:
        label: what is running, e.g. "Server performance".
        expected: samples LoadGen is expected to issue (an estimate in Server).
    """

    def __init__(self, console: Console, label: str, expected: int):
        self._console = console
        self._label = label
        self._expected = expected
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
                TextColumn("ETA"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=self._console,
            )
            self._bar.start()
            self._task = self._bar.add_task(self._label, total=self._expected, note="")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, ledger: Ledger) -> None:
        """Show where the run stands."""
        failed = ledger.count[State.FAILED]
        self._tell(ledger, failed)
        note = f"{failed} failed" if failed else ""
        if self._bar is not None and self._task is not None:
            total = max(self._expected, ledger.issued)
            self._bar.update(self._task, completed=ledger.ended, total=total, note=note)
            return
        now = time.monotonic()
        # The first line comes with the first answer: it shows that queries flow.
        due = ledger.ended if self._last_line is None else now - self._last_line >= LINE_INTERVAL_S
        if due:
            self._last_line = now
            self._console.print(self._line(ledger, now - self._started, note), highlight=False)

    def _tell(self, ledger: Ledger, failed: int) -> None:
        tell(
            self._console,
            "progress",
            run=self._label,
            issued=ledger.issued,
            ended=ledger.ended,
            failed=failed,
            expected=max(self._expected, ledger.issued),
            elapsed_s=round(time.monotonic() - self._started, 3),
        )

    def _line(self, ledger: Ledger, elapsed_s: float, note: str) -> str:
        total = max(self._expected, ledger.issued)
        done = ledger.ended
        eta = f", ETA {elapsed_s * (total - done) / done:.0f} s" if done else ""
        return f"{self._label}: {done}/{total} after {elapsed_s:.0f} s{eta} {note}".rstrip()
