"""`sut report DIR`: build result, summary or compliance report again from a run's directory."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import FlagParser, verb_parser
from sut.errors import ConfigError
from sut.record.folder import write_asked
from sut.record.locate import session_folder

EPILOG = """\
examples:
  python -m sut.main report results/mlperf_datacenter/NODE_TIMESTAMP
  python -m sut.main report results/mlperf_datacenter/mlperf_datacenter_NODE_TIMESTAMP.json
  python -m sut.main report results/mlperf_datacenter/NODE_TIMESTAMP --html page.html
  python -m sut.main report results/mlperf_datacenter/NODE_TIMESTAMP --compliance --html page.html
  python -m sut.main report results/mlperf_datacenter/NODE_* --html sessions.html

The command writes no file but the one that --html names. Several sessions have one page.

exit codes:
  0  VALID, each of them; with --compliance, every rule is met
  1  one is INVALID; with --compliance, a rule is not met
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Print what the directory's files amount to; nothing is run.

    Returns:
        0 if the result is VALID, or with --compliance every rule that applies is met; else 1.

    Raises:
        LogError: the directory holds no run.
        ConfigError: the page cannot be written, or several are named without one.
    """
    options = parser().parse_args(arguments)
    if len(options.directory) > 1:
        return _several(options)
    (options.directory,) = map(session_folder, options.directory)
    return _compliance(options) if options.compliance else _result(options)


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "report",
        "Build result, summary or compliance report again from a run's directory.",
        EPILOG,
    )
    made.add_argument(
        "directory", type=Path, nargs="+", metavar="DIR", help="a session's folder or result"
    )
    made.add_argument(
        "--compliance", action="store_true", help="show each rule of the round, with its proof"
    )
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument(
        "--html",
        type=Path,
        metavar="FILE",
        help="write the result, or with --compliance that report, as a page to a new file",
    )
    return made


def _result(options: argparse.Namespace) -> int:
    from sut.record.session import read_session
    from sut.report.page.build import report_html
    from sut.report.summary import summary_text
    from sut.result.build import result_json, result_of
    from sut.result.evaluated import with_evaluations

    record = with_evaluations(read_session(options.directory))
    result = result_of(record)
    if options.html is not None:
        write_asked("--html", options.html, report_html(result, record))
        print(f"{'VALID' if result.valid else 'INVALID'}. Written to {options.html}.")
    else:
        print(result_json(result) if options.json else summary_text(result), end="")
    return 0 if result.valid else 1


def _several(options: argparse.Namespace) -> int:
    """One page of all; text and JSON are a session's own."""
    if options.html is None or options.compliance:
        raise ConfigError(
            f"{len(options.directory)} sessions are named, which only a page shows together.",
            where="command line",
            remedy="Add --html FILE without --compliance, or name one session.",
        )
    from sut.record.session import read_session
    from sut.report.page.several import several_html
    from sut.result.build import result_of
    from sut.result.evaluated import with_evaluations

    # What a shell's * matched beside the sessions is a published file of one of them.
    folders = list(dict.fromkeys(session_folder(each).resolve() for each in options.directory))
    records = [with_evaluations(read_session(each)) for each in folders]
    judged = [(result_of(record), record) for record in records]
    write_asked("--html", options.html, several_html(judged, options.html))
    print(f"{len(judged)} sessions. Written to {options.html}.")
    return 0 if all(result.valid for result, _ in judged) else 1


def _compliance(options: argparse.Namespace) -> int:
    from sut.report.compliance.build import (
        compliance_html,
        compliance_json,
        compliance_report,
        compliance_text,
        headline,
    )

    report = compliance_report(options.directory)
    if options.html is not None:
        write_asked("--html", options.html, compliance_html(report))
        print(f"{headline(report)}\nWritten to {options.html}.")
    else:
        print(compliance_json(report) if options.json else compliance_text(report), end="")
    return 0 if report.compliant else 1
