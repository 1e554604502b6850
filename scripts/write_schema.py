"""Writes the JSON Schemas of the published results: `python -m scripts.write_schema`.

    python -m scripts.write_schema --check

Exit status: 0 written or up to date, 1 `--check` found a file stale.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sut.result.aggregated_schema import aggregated_schema_json
from sut.result.schema import schema_json

FOLDER = Path(__file__).resolve().parents[1] / "sut" / "result"
TARGET = FOLDER / "result.schema.json"
AGGREGATED_TARGET = FOLDER / "aggregated.schema.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare, return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.write_schema",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    schemas: Mapping[Path, Callable[[], str]] = {
        TARGET: schema_json,
        AGGREGATED_TARGET: aggregated_schema_json,
    }
    if parser.parse_args(arguments).check:
        stale = [path for path, text in schemas.items() if _differs(path, text())]
        for path in stale:
            print(f"{path.name} is stale: run python -m scripts.write_schema", file=sys.stderr)
        return int(bool(stale))
    for path, text in schemas.items():
        path.write_text(text(), encoding="utf-8")
    return 0


def _differs(path: Path, text: str) -> bool:
    return not path.is_file() or path.read_text(encoding="utf-8") != text


if __name__ == "__main__":
    sys.exit(main())
