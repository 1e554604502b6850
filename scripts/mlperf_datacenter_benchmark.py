"""The earlier tool's mlperf_datacenter_benchmark.py: one node, Offline and Server.

The same as `python -m sut.main`, whose flags it takes.
docs/from-the-earlier-tool.md has each old command, variable and file beside ours.
"""

from __future__ import annotations

from sut.main import main

if __name__ == "__main__":
    main()
