"""The earlier tool's run_coordinated_benchmark.py: every card at once, and their sum.

The same as `python -m sut.main --coordinated --address auto`, whose flags it takes.
docs/from-the-earlier-tool.md has each old command, variable and file beside ours.
"""

from __future__ import annotations

import sys

from sut.main import main

if __name__ == "__main__":
    main(["--coordinated", "--address", "auto", *sys.argv[1:]])
