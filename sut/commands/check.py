"""`sut check TREE`: what stands against a submission tree, each complaint with its remedy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, verb_parser
from sut.config.shipped import DEFAULT_ROUND, round_help

if TYPE_CHECKING:
    from sut.submission.findings import Finding

EPILOG = """\
example:
  python -m sut.main check tree --round v6.1 --checker ~/inference

--checker names a checkout of https://github.com/mlcommons/inference, today's or that of v5.1.1. Its
submission checker runs as well, and each of its complaints is explained.

exit codes:
  0  nothing stands against the tree; there may be warnings
  1  something stands against the tree
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Check a tree.

    Returns:
        0 if nothing stands against it, else 1.

    Raises:
        ConfigError: no such tree, round or checker.
    """
    options = parser().parse_args(arguments)

    from sut.submission.check_tree import check_tree, passed

    findings = check_tree(options.tree, options.round, options.checker)
    good = passed(findings)
    if options.json:
        document = {"passed": good, "findings": [vars(each) for each in findings]}
        print(json.dumps(document, indent=2))
    else:
        _print(findings, good, official=options.checker is not None)
    return 0 if good else 1


def parser() -> FlagParser:
    """The verb's flags."""
    about = "Check a submission tree against the rules of its round."
    made = verb_parser("check", about, EPILOG)
    add = made.add_argument
    add("tree", type=Path, metavar="TREE", help="the folder above closed/, open/")
    add("--round", default=DEFAULT_ROUND, metavar="vX.Y", help=round_help())
    add("--checker", type=Path, metavar="DIR", help="run MLCommons' checker too")
    add("--json", action="store_true", help="print JSON")
    return made


def _print(findings: Sequence[Finding], good: bool, *, official: bool) -> None:
    for each in findings:
        print(each.line)
    errors = sum(each.severity == "error" for each in findings)
    who = "our checks and the official checker" if official else "our checks"
    verdict = "nothing stands against the tree" if good else f"{errors} errors"
    print(f"{who}: {verdict}, {len(findings) - errors} warnings.")
