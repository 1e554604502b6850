"""`sut submit RESULTS…`: a submission tree in the round's layout, or every reason against it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sut.config.flags import FlagParser, verb_parser
from sut.config.shipped import DEFAULT_ROUND, round_help
from sut.errors import ConfigError

EPILOG = """\
example:
  python -m sut.main submit --system-template results/mlperf_datacenter > system.yaml
  python -m sut.main submit --round v6.1 --division closed --submitter Example \\
      --system system.yaml --out tree results/mlperf_datacenter

RESULTS are folders of sessions, or folders that hold several. The performance, accuracy and
compliance runs of a scenario may come from different sessions with the same settings. The command
scores the answers again and does not trust accuracy.json.

exit codes:
  0  the tree is made
  2  a reason stands against it, or bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Make a tree, or print the form of a system's file.

    Returns:
        0 once the tree is there.

    Raises:
        ConfigError: something stands against a submission; every reason is named.
    """
    options = parser().parse_args(arguments)
    if options.system_template:
        print(_template(options.results, options.round), end="")
        return 0
    missing = [f"--{n}" for n in ("submitter", "system", "out") if getattr(options, n) is None]
    if missing:
        raise ConfigError(
            f"{', '.join(missing)} must be given.", where="command line", remedy="See --help."
        )
    return _make(options)


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "submit",
        "Make the submission tree of a round from the sessions of runs.",
        EPILOG,
    )
    add = made.add_argument
    add("results", nargs="+", type=Path, metavar="RESULTS", help="folders of sessions")
    add("--round", default=DEFAULT_ROUND, metavar="vX.Y", help=round_help())
    add(
        "--division",
        choices=("closed", "open"),
        default="closed",
        help="division of the tree (closed)",
    )
    add("--submitter", metavar="NAME", help="the submitter's folder")
    add("--system", type=Path, metavar="FILE", help="YAML with what no program can detect")
    add("--out", type=Path, metavar="DIR", help="folder to make; it must not exist")
    add("--dataset", type=Path, metavar="FILE", help="file of the data set (the runs' own)")
    add("--model", type=Path, metavar="DIR", help="folder with the tokenizer (the runs' own)")
    add(
        "--rehearsal",
        action="store_true",
        help="take quick runs and synthetic data too, and mark the tree as not a submission",
    )
    add("--system-template", action="store_true", help="print a form for --system and stop")
    add("--json", action="store_true", help="print the tree or the refusals as JSON")
    return made


def _template(results: Sequence[Path], name: str) -> str:
    from sut.config.rounds import load_round
    from sut.submission.gather import load_session, session_folders
    from sut.submission.template import template

    rules = load_round(name)
    return template(load_session(session_folders(results)[0], rules)[0], rules)


def _make(options: Any) -> int:
    from sut.submission.make_tree import make_tree
    from sut.submission.request import Refused, SubmissionPlan
    from sut.submission.statement import read_statement

    plan = SubmissionPlan(
        round=options.round,
        division=options.division,
        submitter=options.submitter,
        system=read_statement(options.system),
        out=options.out,
        sessions=tuple(options.results),
        rehearsal=options.rehearsal,
        dataset=options.dataset,
        model=options.model,
    )
    try:
        tree = make_tree(plan, say=lambda text: print(text, file=sys.stderr))
    except Refused as refused:
        if not options.json:
            raise
        print(json.dumps({"tree": None, "refused": list(refused.reasons)}, indent=2))
        return refused.exit_code
    if options.json:
        print(json.dumps({"tree": str(tree), "refused": []}, indent=2))
    else:
        print(f"Tree: {tree}")
        print(f"Check it: python -m sut.main check {tree} --round {plan.round} --checker DIR")
    return 0
