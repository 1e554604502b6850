"""`sut history DIR`: the trend over stored results, in one table."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import SCENARIOS, FlagParser, verb_parser

EPILOG = """\
examples:
  python -m sut.main history results/mlperf_datacenter
  python -m sut.main history results/mlperf_datacenter --scenario Server --json

Lines of different models or settings do not compare: `compare` says in what two runs differ. Each
line is worked out from its session's files, where they lie beside the result.

exit codes:
  0  listed
  2  bad input
"""
RESULTS = Path("results/mlperf_datacenter")


def main(arguments: Sequence[str]) -> int:
    """List.

    Raises:
        LogError: the folder has no result.
    """
    options = parser().parse_args(arguments)

    from sut.compare.history import HEAD, History, history_of

    found = history_of(options.directory)
    if options.scenario is not None:
        kept = tuple(each for each in found.lines if each.scenario == options.scenario)
        found = History(kept, found.unread)
    for why in found.notes():
        print(f"Note: {why}", file=sys.stderr)
    if options.json:
        print(json.dumps(found.document(), indent=2))
        return 0
    print(HEAD)
    for line in found.lines:
        print(line.text)
    return 0


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "history",
        "List the results of a folder by time; times in ms.",
        EPILOG,
    )
    add = made.add_argument
    add("directory", type=Path, nargs="?", default=RESULTS, metavar="DIR", help=f"({RESULTS})")
    names = ", ".join(SCENARIOS)
    add("--scenario", choices=SCENARIOS, metavar="NAME", help=f"only this one of {names} (all)")
    add("--json", action="store_true", help="print JSON")
    return made
