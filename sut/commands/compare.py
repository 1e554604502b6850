"""`sut compare A B [C …]`: figures side by side, with their noise, and what the runs differ in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import FlagParser, verb_parser
from sut.errors import ConfigError

EPILOG = """\
examples:
  python -m sut.main compare results/mlperf_datacenter/NODE_OLD results/mlperf_datacenter/NODE_NEW
  python -m sut.main compare OLD1,OLD2,OLD3 NEW1,NEW2,NEW3 --html page.html

A and the others are sessions' folders, or their results' files. Several joined with commas are
repeats: their noise is that between runs. `--repeat N` of a run makes them.

exit codes:
  0  the runs did the same task
  1  they did not: no figure of one says anything of another's
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Compare and print.

    Raises:
        LogError: one is no result.
        ConfigError: fewer than two, or the page cannot be written.
    """
    options = parser().parse_args(arguments)
    if len(options.runs) < 2:
        raise ConfigError(
            "there is nothing to compare with.",
            where="command line",
            remedy="Name two sessions or more.",
        )

    from sut.compare.comparison import compared, document
    from sut.compare.page import comparison_html
    from sut.compare.text import comparison_text
    from sut.record.folder import write_asked

    comparison = compared(options.runs)
    if options.html is not None:
        write_asked("--html", options.html, comparison_html(comparison))
        print(f"Written to {options.html}.")
    elif options.json:
        print(json.dumps(document(comparison), indent=2))
    else:
        print(comparison_text(comparison), end="")
    return 0 if comparison.comparable else 1


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "compare",
        "Compare runs: each figure with its ratio to the first one's, and its noise.",
        EPILOG,
    )
    made.add_argument("runs", nargs="+", metavar="RUN[,RUN…]", help="what to compare")
    form = made.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print JSON")
    form.add_argument("--html", type=Path, metavar="FILE", help="write a page to a new file")
    return made
