"""The ledger reaches the disk as it grows: a harness that is killed loses the last seconds alone.

Twice a second the engine's loop copies the rows that changed, so many at most, and a thread of its
own writes them. Nothing waits for the disk: while one write lasts, no rows are copied, and what
could not be written is tried again with what changed since.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from sut.errors import RunError
from sut.harness.ledger import Ledger
from sut.harness.ledger_table import Rows, rows_of
from sut.record.journal import frame_of

PERIOD_S = 0.5
# Copying so many holds the engine's loop for some 5 ms; what is more waits for the next time.
MOST_ROWS = 10_000
END_S = 5.0


class Changes:
    """The rows of a ledger that the journal does not have yet.

    Args:
        ledger: it is looked at on its own thread alone.
    """

    def __init__(self, ledger: Ledger):
        self._ledger = ledger
        self._issued = self._ended = 0
        self._taken = (0, 0)

    def take(self, most: int = MOST_ROWS) -> Rows:
        """Copy the oldest of them, those that were issued first."""
        issued = min(self._ledger.issued, self._issued + most)
        fresh = np.arange(self._issued, issued, dtype=np.int64)
        ended = self._ledger.ended_seqs[self._ended : self._ended + most - len(fresh)]
        self._taken = issued, self._ended + len(ended)
        return rows_of(self._ledger, np.union1d(fresh, np.array(ended, np.int64)))

    def written(self) -> None:
        """What was taken last is in the journal."""
        self._issued, self._ended = self._taken


class Journal:
    """Writes what changes to a file between enter and exit.

    Args:
        take: gives the rows, on the ledger's own thread, and returns here.
        changes: is told what has been written.
        prompt_tokens: tokens of each prompt, by sample index.
        path: the file; what another run left there stays.
    """

    def __init__(
        self,
        take: Callable[[], Rows],
        changes: Changes,
        prompt_tokens: npt.NDArray[np.int64],
        path: Path,
    ):
        self._take, self._changes = take, changes
        self._prompt_tokens, self._path = prompt_tokens, path
        self._over = threading.Event()
        self._failed = False
        # A disk that hangs must not keep the process from its end.
        self._thread = threading.Thread(target=self._keep, name="journal", daemon=True)

    def __enter__(self) -> Journal:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._failed = value is not None
        self._over.set()
        self._thread.join(END_S)

    def _keep(self) -> None:
        while not self._over.wait(PERIOD_S):
            # A full disk costs the seconds that it is full, and never the run. Of a loop that hangs
            # the run says so itself.
            with contextlib.suppress(OSError, RunError):
                self.write()
        with contextlib.suppress(OSError, RunError):
            while self._failed and self.write():
                pass  # nobody else will write it

    def write(self) -> int:
        """Append what changed; return how many rows that were.

        Raises:
            OSError: the disk did not take it; the file is as it was before.
        """
        rows = self._take()
        count = len(rows.numbers["seq"])
        if count:
            append(self._path, frame_of(rows.table(self._prompt_tokens)))
            self._changes.written()
        return count


def append(path: Path, frame: bytes) -> None:
    """Write at the end of a file, all or nothing.

    Raises:
        OSError: nothing was written.
    """
    with path.open("ab", buffering=0) as stream:
        before = os.fstat(stream.fileno()).st_size
        try:
            done = 0
            while done < len(frame):
                done += stream.write(frame[done:])
        except OSError:
            stream.truncate(before)
            raise
