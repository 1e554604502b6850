"""The earlier tool's run_benchmark_auto.py: the raw engine beside the harness.

The same as `python -m sut.main bench engine`, whose flags it takes.
docs/from-the-earlier-tool.md has each old command, variable and file beside ours.
"""

from __future__ import annotations

import sys

from sut.main import main

if __name__ == "__main__":
    main(["bench", "engine", *sys.argv[1:]])
