"""Writes the JSON Schema of the published result: `python -m scripts.write_schema`.

    python -m scripts.write_schema --check

Exit status: 0 written or up to date, 1 `--check` found the file stale.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sut.result.schema import schema_json

TARGET = Path(__file__).resolve().parents[1] / "sut" / "result" / "result.schema.json"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare, return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.write_schema",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    text = schema_json()
    if parser.parse_args(arguments).check:
        stale = not TARGET.is_file() or TARGET.read_text(encoding="utf-8") != text
        if stale:
            print(f"{TARGET.name} is stale: run python -m scripts.write_schema", file=sys.stderr)
        return int(stale)
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
