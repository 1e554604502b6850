"""`sut verify DIR`: what a session, a coordinated run or a tree proves, states and contradicts."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import FlagParser, verb_parser
from sut.config.shipped import DEFAULT_ROUND, round_help
from sut.errors import ConfigError

EPILOG = """\
examples:
  python -m sut.main verify results/mlperf_datacenter/NODE_TIMESTAMP
  python -m sut.main verify results/mlperf_datacenter/aggregated_datacenter_results.json
  python -m sut.main verify tree --round v6.1
  python -m sut.main verify --standalone --round v6.1 > verify.py

The command works everything out anew from the files, and writes none. It needs no engine. Where
--dataset and --model, or the run's own, are there, it scores the answers again, too. A tree
carries a verify.py of its own, which needs Python and nothing else.

exit codes:
  0  nothing contradicts
  1  something does not hold
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Verify a folder.

    Returns:
        0 if nothing contradicts, else 1.

    Raises:
        HarnessError: it is nothing that can be verified.
    """
    options = parser().parse_args(arguments)
    if options.standalone:
        return _standalone(options)
    if options.directory is None:
        raise ConfigError("DIR is missing.", where="command line", remedy="See --help.")

    from sut.accuracy.evaluate import Sources
    from sut.verify.standing import contradicted
    from sut.verify.text import document, verify_text
    from sut.verify.what import verify

    items = verify(options.directory, options.round, Sources(options.dataset, options.model))
    print(json.dumps(document(items), indent=2) if options.json else verify_text(items).rstrip())
    return 1 if contradicted(items) else 0


def _standalone(options: argparse.Namespace) -> int:
    from sut.config.rounds import load_round
    from sut.submission.verifier import verifier_text

    print(verifier_text(load_round(options.round)), end="")
    return 0


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "verify",
        "Say what a record proves, what it only states, and what contradicts it.",
        EPILOG,
    )
    add = made.add_argument
    add(
        "directory",
        type=Path,
        nargs="?",
        metavar="DIR",
        help="folder of a session or of a tree; a result's file",
    )
    add("--round", default=DEFAULT_ROUND, metavar="vX.Y", help=f"of a tree; {round_help()}")
    add("--standalone", action="store_true", help="print the verify.py of --round, and stop")
    add("--dataset", type=Path, metavar="FILE", help="file of the data set (the run's own)")
    add("--model", type=Path, metavar="DIR", help="folder with the tokenizer (the run's own)")
    add("--json", action="store_true", help="print JSON")
    return made
