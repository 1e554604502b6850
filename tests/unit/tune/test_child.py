"""A trial's process: it ends with its search, and cleanly by itself."""

from __future__ import annotations

import subprocess
import sys

CHILD = """
import signal, sys, threading
from sut.tune import child
threading.Thread(target=child._end_with_the_search, daemon=True).start()
print("begun", flush=True)
{rest}
"""


def started(rest: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD.format(rest=rest)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    return process


def test_it_is_told_to_end_when_the_search_is_gone() -> None:
    with started("signal.pause()") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == -15


def test_it_ends_by_itself_while_the_search_goes_on() -> None:
    with started("sys.exit(7)") as process:
        assert process.wait(60) == 7
