"""From what a session left to its result: one way, whether it came to its end or not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType

from sut.bug import NAME as TRACEBACK
from sut.bug import bug_of_ours
from sut.errors import HarnessError, LogError
from sut.harness.after_run import evaluate_runs
from sut.machine.signals import stopped_by
from sut.record.ending import EndingFacts
from sut.record.folder import SessionDir, write_atomic
from sut.record.manifest import NOT_EVIDENCE, close_session
from sut.record.session import read_session
from sut.record.unfinished import finish_runs
from sut.report.compliance.build import write_compliance
from sut.report.compliance.evidence import view_of
from sut.report.page.build import write_report
from sut.report.summary import summary_text
from sut.result.build import result_json, result_of
from sut.result.queries import write_queries
from sut.result.schema import Result

Say = Callable[[str], None]
LAST_LINES = 5


def ending_of(error: BaseException, phase: str, session: SessionDir) -> EndingFacts:
    """What to write down of an error that ended a session.

    An error that nobody foresaw leaves its traceback in the session's folder.
    """
    if isinstance(error, KeyboardInterrupt):
        who = stopped_by(error)
        return EndingFacts(phase=phase, cause=f"{who} ended it", stopped_by=who)
    if isinstance(error, OSError):
        what = error.strerror or type(error).__name__
        name = f": {error.filename}" if error.filename else ""
        return EndingFacts(phase=phase, cause=f"{what}{name}")
    if isinstance(error, HarnessError):
        return _with_log(phase, error.message, session, session.engine_log)
    assert isinstance(error, Exception), "whoever exits the interpreter is not held up"
    ours = bug_of_ours(error, session.root)
    return _with_log(phase, ours.message, session, session.root / TRACEBACK, lines=1)


def _with_log(
    phase: str, cause: str, session: SessionDir, log: Path, lines: int = LAST_LINES
) -> EndingFacts:
    last: list[str] = []
    with suppress(OSError):
        text = log.read_text(encoding="utf-8", errors="replace")
        last = [line.strip() for line in text.splitlines() if line.strip()][-lines:]
    return EndingFacts(
        phase=phase,
        cause=cause.rstrip("."),
        log=log.relative_to(session.root).as_posix() if last else None,
        last_lines=last,
    )


def conclude(
    session: SessionDir,
    ending: EndingFacts | None,
    say: Say,
    kept: Mapping[Path, bytes] = MappingProxyType({}),
    *,
    publish: bool = True,
) -> tuple[Result, SessionDir]:
    """Finish what is unfinished, close the session, and write its result.

    Args:
        session: its folder; it holds session.json.
        ending: why it ended before its time; None: it did not.
        say: is told what could not be worked out, and where the result is instead.
        kept: files of the session that are in memory too, by their path in its folder.
        publish: whether the result gets the names that users look for, too.

    Returns:
        the result, and the folder that holds it: another one where the session's own refuses.

    Raises:
        HarnessError: neither folder took it, or a file of it is none of ours.
    """
    try:
        _restore(session, session.root, kept)
        return _conclude(session, ending, say, publish=publish), session
    except (OSError, LogError) as error:  # a log error: a file of ours is none any more
        if isinstance(error, LogError) and not kept:
            raise  # it would be none elsewhere
        found = ending_of(error, "writing the result", session)
        elsewhere = moved(session, kept)
        say(f"{session.root} takes nothing more: {found.cause}. The result goes elsewhere.")
        return _conclude(elsewhere, ending or found, say, publish=publish), elsewhere


def _conclude(
    session: SessionDir, ending: EndingFacts | None, say: Say, *, publish: bool
) -> Result:
    cause = "the session was cut off" if ending is None else ending.cause
    finish_runs(session, cause, stopped=ending is not None and ending.stopped_by is not None)
    if ending is not None and not session.ending.exists():
        write_atomic(session.ending, ending.model_dump_json(indent=2) + "\n")
    if not session.manifest.exists():
        close_session(session, read_session(session.root).facts.session_id)
    return write_result(session, say, publish=publish)


def moved(session: SessionDir, kept: Mapping[Path, bytes]) -> SessionDir:
    """A copy of what can be read of a session's evidence, in the temporary folder.

    Args:
        session: its folder, or what is left of it.
        kept: files of it that are in memory too; they are taken from there.

    Raises:
        OSError: that one takes nothing either.
    """
    root = Path(tempfile.mkdtemp(prefix="sut-rescued-")) / session.root.name
    root.mkdir()
    known = {*kept, *(above for path in kept for above in path.parents)}
    for path in sorted(session.root.rglob("*")):
        if path.is_file() and path not in known and path.name not in NOT_EVIDENCE:
            _copied(path, root / path.relative_to(session.root))
    found = SessionDir(root)
    _restore(found, session.root, kept)
    return found


def _copied(path: Path, target: Path) -> None:
    """A file that cannot be copied whole is left out: the rest is worth more than none."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    except OSError:
        target.unlink(missing_ok=True)


def _restore(session: SessionDir, was: Path, kept: Mapping[Path, bytes]) -> None:
    """Write what is in memory and not in the session's folder; `was`: where it was to be."""
    for path, content in kept.items():
        target = session.root / path.relative_to(was)
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, content)


def write_result(session: SessionDir, say: Say = lambda _: None, *, publish: bool = True) -> Result:
    """Build per-query tables, evaluations and the result from the session's files; publish."""
    record = read_session(session.root)
    for run in record.runs:
        # A table that cannot be made must not cost the result.
        with suppress(LogError, OSError):
            write_queries(
                run.folder.ledger, run.folder.root / "mlperf_log_trace.json", run.folder.queries
            )
    record = evaluate_runs(record, say)
    result = result_of(record)
    write_atomic(session.result, result_json(result))
    write_atomic(session.summary, summary_text(result))
    with suppress(HarnessError):  # a page that cannot be made must not cost the result
        write_compliance(view_of(record, result))
    with suppress(HarnessError, OSError):
        write_report(result, record)
    try:
        if publish:
            session.publish()
    except OSError as error:  # result.json is there
        say(f"{error.filename2 or error.filename} was not written: {error.strerror}.")
    return result
