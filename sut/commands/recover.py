"""`sut recover DIR`: a result of a session that was cut off, and the end of its leftovers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, verb_parser
from sut.errors import LogError, RunError
from sut.machine.places import not_a_folder

if TYPE_CHECKING:
    from sut.record.folder import SessionDir
    from sut.record.mark import Mark

EPILOG = """\
examples:
  python -m sut.main recover results/mlperf_datacenter/NODE_TIMESTAMP
  python -m sut.main recover results/mlperf_datacenter/NODE_TIMESTAMP --end-leftovers

The result is INVALID whatever was measured: nobody saw the session's end. It is written as any
other result. Samples that were open count as failed.

exit codes:
  1  a result was made, or nothing was measured
  2  bad input: no session, one that still runs, or one that has ended
"""


def main(arguments: Sequence[str]) -> int:
    """Finish what a session left, and write its result.

    Returns:
        1: the result is never VALID.

    Raises:
        LogError: the folder holds no session that was cut off.
        RunError: nothing was measured.
    """
    options = parser().parse_args(arguments)
    from sut.commands.run import show_outcome
    from sut.harness.conclude import conclude
    from sut.harness.session import Outcome
    from sut.record.ending import EndingFacts
    from sut.record.folder import SessionDir
    from sut.record.mark import drop_mark

    session = SessionDir.open(options.directory)
    mark = _mark(session, ended=options.ended)
    _leftovers(session, mark, end=options.end_leftovers)
    if not session.session_facts.is_file():
        drop_mark(session)
        raise RunError(
            f"nothing was measured: the harness was killed while {mark.phase}.",
            where=str(session.root),
        )
    if session.manifest.is_file():
        drop_mark(session)
        raise RunError(
            "everything was measured and closed; only its result was not written.",
            where=str(session.root),
            remedy=f"It is shown by: python -m sut.main report {session.root}",
        )
    ending = EndingFacts(phase=mark.phase, cause="the harness was killed")
    result, found = conclude(session, ending, lambda text: print(text, file=sys.stderr))
    drop_mark(session)
    show_outcome(Outcome(result, found, interrupted=False), as_json=options.json)
    return 1


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "recover",
        "Make a result of a session that was cut off. It can never be VALID.",
        EPILOG,
    )
    made.add_argument("directory", type=Path, metavar="DIR", help="folder of the session")
    made.add_argument(
        "--end-leftovers",
        action="store_true",
        help="end its processes that still run; remove its shared memory and temporary folders",
    )
    made.add_argument(
        "--ended",
        action="store_true",
        help="the session was on another machine, and you know that it runs no more",
    )
    made.add_argument("--json", action="store_true", help="print JSON")
    return made


def _mark(session: SessionDir, *, ended: bool) -> Mark:
    """The mark of a session that was cut off.

    Raises:
        LogError: there is none, or the session still runs.
    """
    from sut.record.mark import read_mark

    where, mark = str(session.root), read_mark(session)
    if mark is None:
        raise LogError(
            not_a_folder(session.root) or "no session was cut off here.",
            where=where,
            remedy="Name the folder of a session whose harness was killed.",
        )
    if mark.alive:
        raise LogError(
            f"the session still runs: process {mark.pid}, {mark.phase}.",
            where=where,
            remedy="Wait for its end, or end it with Ctrl-C.",
        )
    if not (mark.here or ended):
        raise LogError(
            f"the session ran on {mark.host}, and this machine cannot tell whether it still does.",
            where=where,
            remedy="Call recover there, or add --ended if you know that it does not.",
        )
    return mark


def _leftovers(session: SessionDir, mark: Mark, *, end: bool) -> None:
    """Name on stderr what is left of it on this machine, and end it if that was asked for."""
    from sut.record.leftovers import leftovers_of

    if not mark.here:
        return
    found = leftovers_of(session, mark)
    for line in found.lines():
        print(f"Left over: {line}", file=sys.stderr)
    if not end:
        if any(found.lines()):
            print("Note: --end-leftovers ends and removes them.", file=sys.stderr)
        return
    for line in found.end():
        print(f"Note: {line} could not be ended.", file=sys.stderr)
