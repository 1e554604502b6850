"""`sut report DIR`: build result and summary again from a run's directory, and show them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import FlagParser
from sut.errors import LogError


def main(arguments: Sequence[str]) -> int:
    """Print what the directory's files amount to; nothing is written, nothing is run.

    Returns:
        0 if the result is VALID, 1 if not.

    Raises:
        LogError: the directory holds no run.
    """
    parser = FlagParser(
        prog="python -m sut.main report",
        description="Build result and summary again from a run's directory, and print them.",
        epilog="example:\n  python -m sut.main report results/mlperf_datacenter/NODE_TIMESTAMP",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="a run's directory")
    parser.add_argument("--json", action="store_true", help="print the result's JSON")
    options = parser.parse_args(arguments)

    from sut.report.summary import summary_text
    from sut.result.build import build, result_json

    if not (options.directory / "session.json").is_file():
        raise LogError(
            "there is no run in this directory: session.json is missing.",
            where=str(options.directory),
            remedy="Name a run's directory, one below results/mlperf_datacenter.",
        )
    result = build(options.directory)
    print(result_json(result) if options.json else summary_text(result), end="")
    return 0 if result.valid else 1
