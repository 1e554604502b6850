"""`sut export RUN_OR_SESSION`: the per-query table as CSV or Parquet."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import FlagParser, verb_parser
from sut.errors import ConfigError

EPILOG = """\
examples:
  python -m sut.main export results/mlperf_datacenter/NODE_TIMESTAMP > queries.csv
  python -m sut.main export results/mlperf_datacenter/NODE_TIMESTAMP/Server/performance \\
      --format parquet --out queries.parquet

One row per sample. The columns:
{columns}

exit codes:
  0  written
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Write the table to a new file, or CSV to standard output.

    Raises:
        LogError: there is no run, or its ledger cannot be read.
        ConfigError: the file cannot be written, or Parquet has no file.
    """
    options = parser().parse_args(arguments)
    if options.out is None and options.format == "parquet":
        raise ConfigError(
            "Parquet needs a file of its own.",
            where="--format",
            remedy="Name one with --out, or take --format csv.",
        )

    from sut.record.folder import write_asked
    from sut.result.exported import exported, query_table

    content = exported(query_table(options.directory), options.format)
    if options.out is None:
        sys.stdout.write(content.decode())
    else:
        write_asked("--out", options.out, content)
        print(f"Written to {options.out}.")
    return 0


def parser() -> FlagParser:
    """The verb's flags."""
    from sut.result.query_columns import COLUMNS

    wide = max(map(len, COLUMNS))
    columns = "\n".join(f"  {name:<{wide}}  {about}" for name, about in COLUMNS.items())
    made = verb_parser(
        "export", "Write the per-query table of a run or a session.", EPILOG.format(columns=columns)
    )
    made.add_argument(
        "directory", type=Path, metavar="RUN_OR_SESSION", help="a run's folder, or a session's"
    )
    made.add_argument("--format", choices=("csv", "parquet"), default="csv", help="(csv)")
    made.add_argument(
        "--out", type=Path, metavar="FILE", help="write to a new file (CSV: standard output)"
    )
    return made
