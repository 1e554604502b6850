"""A run that was cut off, finished from its journal: the same files as of any run, never VALID."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sut.record.facts import RunFacts
from sut.record.folder import RunDir, SessionDir, write_atomic
from sut.record.journal import read_journal
from sut.record.ledger_file import counted, ledger_bytes, read_ledger
from sut.record.session import as_model, read_document


def end_run(folder: RunDir, facts: RunFacts) -> None:
    """Write run.json; the files of a run under way go.

    Raises:
        OSError: it cannot be written.
    """
    write_atomic(folder.run_facts, facts.model_dump_json(indent=2) + "\n")
    with suppress(OSError):
        folder.begun.unlink(missing_ok=True)
        folder.journal.unlink(missing_ok=True)


def finish_runs(session: SessionDir, cause: str, *, stopped: bool) -> list[RunDir]:
    """End each run that has begun and not ended; its samples that were open count as failed.

    Args:
        session: its folder.
        cause: why it ended, for the samples and for LoadGen's end.
        stopped: whether somebody asked for it.

    Raises:
        LogError: what was written down at a run's begin is malformed.
        OSError: the disk does not take it.
    """
    found = []
    for path in sorted(session.root.glob("*/*/.begun.json")):
        folder = RunDir(path.parent)
        folder.reserve.unlink(missing_ok=True)
        if not folder.run_facts.exists():
            _finish(folder, cause, stopped=stopped)
            found.append(folder)
    return found


def _finish(folder: RunDir, cause: str, *, stopped: bool) -> None:
    begun = as_model(RunFacts, read_document(folder.begun), folder.begun)
    rows = read_ledger(folder.ledger) if folder.ledger.exists() else _of_journal(folder, cause)
    changes: dict[str, Any] = {
        "ended_utc": _last_written(folder.journal) or begun.ended_utc,
        "loadgen_exit": f"LoadGen was ended with the harness: {cause}",
        "interrupted": stopped,
        "ledger": begun.ledger if rows is None else counted(rows, 0),
        "log_sha256": folder.hashes(),
    }
    end_run(folder, begun.model_copy(update=changes))


def _of_journal(folder: RunDir, cause: str) -> Any | None:
    """The journal's rows, written as the ledger; None where it holds none."""
    rows = read_journal(folder.journal)
    if rows is None:
        return None
    closed = _closed(rows, cause)
    write_atomic(folder.ledger, ledger_bytes(closed))
    return closed


def _closed(rows: Any, cause: str) -> Any:
    """With every open sample failed; when, nobody saw."""
    import pyarrow as pa
    import pyarrow.compute as pc

    open_ = pc.equal(rows["state"], "outstanding")
    for name, value in (("state", "failed"), ("failure", cause)):
        column = pc.if_else(open_, pa.scalar(value), rows[name])
        rows = rows.set_column(rows.column_names.index(name), name, column)
    return rows


def _last_written(path: Path) -> str | None:
    with suppress(OSError):
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        return at.isoformat(timespec="milliseconds")
    return None
