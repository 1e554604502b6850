"""The end at once: nothing that was started outlives it, and it says how to go on."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import subprocess, sys
from pathlib import Path
from sut.harness.at_once import AtOnce
child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE,
                         start_new_session=True)
print(child.pid, flush=True)
end = AtOnce()
if {session!r}:
    end.session = Path({session!r})
end.{how}
"""


@pytest.mark.parametrize(
    ("how", "session", "code", "said"),
    [
        (
            "by_signal('SIGTERM')", "r/s", 130,
            "sut: SIGTERM: ended at once. What was measured is kept: "
            "python -m sut.main recover r/s\n",
        ),
        ("by_deadline('it hangs')", "", 1, "sut: it hangs.\n"),
    ],
)  # fmt: skip
def test_what_was_started_is_gone(how: str, session: str, code: int, said: str) -> None:
    program = PROGRAM.format(how=how, session=session)
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, said)
    assert ended(int(done.stdout))


def ended(pid: int) -> bool:
    """Whether a process has ended, or does within the time that a kill may take."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 20)[0])
    finally:
        os.close(descriptor)
