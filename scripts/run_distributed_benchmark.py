"""The earlier tool's run_distributed_benchmark.py: is the cluster fit for a run.

The same as `python -m sut.main cluster check --address auto`, whose flags it takes.
docs/from-the-earlier-tool.md has each old command, variable and file beside ours.
"""

from __future__ import annotations

import sys

from sut.main import main

if __name__ == "__main__":
    main(["cluster", "check", "--address", "auto", *sys.argv[1:]])
