"""LoadGen logs → JSON on standard output, with nothing but the files.

    python -m scripts.parse_logs results/mlperf_datacenter/node_20260101_000000/Server/performance

Prints one object per folder (a list if several are named): identity, main figures, every
setting and result line, errors and warnings grouped, and the figures on which LoadGen's two
logs disagree. Exit status: 0 read, 2 a log is missing or broken.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sut.errors import HarnessError, LogError, OutputClosed
from sut.logs.detail import DETAIL_NAME
from sut.logs.run_logs import LoadGenLogs, cross_check, read_logs
from sut.logs.summary import SUMMARY_NAME
from sut.output import whole_output

LOGS = (DETAIL_NAME, SUMMARY_NAME)


def as_json(logs: LoadGenLogs) -> dict[str, Any]:
    """One run's logs as plain values; a figure that is missing is null."""
    return {
        "directory": str(logs.directory),
        "loadgen_version": logs.loadgen_version,
        "incomplete": logs.incomplete,
        "sample_count": logs.sample_count,
        "invalid_reason": logs.invalid_reason,
        "audit_config_read": logs.audit_config_read,
        "figures": asdict(logs.figures),
        "disagreements": [asdict(each) for each in cross_check(logs)],
        "errors": [asdict(each) for each in logs.errors],
        "warnings": [asdict(each) for each in logs.warnings],
        "values": logs.detail.values,
        "summary_figures": asdict(logs.summary.figures) if logs.summary else None,
        "summary_parameters": logs.summary.parameters if logs.summary else None,
    }


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m scripts.parse_logs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "directory",
        nargs="+",
        type=_folder,
        help="folder with mlperf_log_detail.txt, or the path of one of LoadGen's logs in it",
    )
    made.add_argument(
        "--allow-incomplete",
        action="store_true",
        help="read the log of a killed run as far as it goes; `incomplete` says where it ends",
    )
    return made


def _folder(text: str) -> Path:
    """The folder that is meant: that of a log which is named itself."""
    path = Path(text)
    return path.parent if path.name in LOGS and path.is_file() else path


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, print, return the exit status."""
    options = parser().parse_args(arguments)
    read = []
    for folder in options.directory:
        try:
            read.append(as_json(read_logs(folder, allow_incomplete=options.allow_incomplete)))
        except LogError as error:
            hint = _incomplete_hint(folder)
            print(f"{error.render()}{hint}", file=sys.stderr)
            return error.exit_code
    try:
        with whole_output():
            print(json.dumps(read if len(read) > 1 else read[0], indent=2, allow_nan=False))
    except OutputClosed as error:
        return error.exit_code
    except HarnessError as error:
        print(error.render(), file=sys.stderr)
        return error.exit_code
    return 0


def _incomplete_hint(folder: Path) -> str:
    """The flag that reads these logs all the same; nothing where it would not."""
    try:
        read_logs(folder, allow_incomplete=True)
    except LogError:
        return ""
    return " To read it as far as it goes, add --allow-incomplete."


if __name__ == "__main__":
    sys.exit(main())
