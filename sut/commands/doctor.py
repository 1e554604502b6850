"""`sut doctor`: whether this machine can run it, a row for each thing, each with its remedy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, build_parser

if TYPE_CHECKING:
    from sut.doctor.row import Row

EPILOG = """\
examples:
  python -m sut.main doctor
  python -m sut.main doctor --profile mlperf --dataset cnn_eval.json --system a30-bf16

Takes the flags of a run, and looks at all that such a run would need. Nothing is started and
nothing is fetched.

exit codes:
  0  such a run can start; there may be warnings
  1  something keeps it from starting
  2  bad input
"""
WIDTH = 20


def main(arguments: Sequence[str]) -> int:
    """Look, and print a row for each thing.

    Returns:
        0 if nothing failed, else 1.

    Raises:
        ConfigError: flags or files of the configuration are wrong.
    """
    options = parser().parse_args(arguments)

    from sut.commands.run import load_configuration
    from sut.doctor.examine import examine

    rows = examine(load_configuration(options).config)
    failed = sum(row.state == "fail" for row in rows)
    if options.json:
        document = {"passed": not failed, "rows": [vars(row) for row in rows]}
        print(json.dumps(document, indent=2))
    else:
        _print(rows, failed)
    return 1 if failed else 0


def parser() -> FlagParser:
    """The flags of a run."""
    about = "Say whether this machine can run the benchmark, and what to mend."
    return build_parser("python -m sut.main doctor", about, EPILOG)


def _print(rows: Sequence[Row], failed: int) -> None:
    for row in rows:
        print(f"{row.state:<5} {row.name:<{WIDTH}} {row.found}")
        if row.remedy is not None:
            print(f"{'':<{WIDTH + 6}} {row.remedy}")
    warned = sum(row.state == "warn" for row in rows)
    verdict = "this machine cannot run it" if failed else "this machine can run it"
    print(f"{verdict}: {failed} failed, {warned} warnings.")
