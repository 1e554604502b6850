"""Ctrl-C before the command line listens ends the process without a traceback."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOLD = "signal.getsignal(signal.SIGINT)"
BEFORE = "import signal, sys\nsys.argv[0] = {argv!r}\n{before}\nimport sut\n"
RUN = (
    "from sut import main\n"
    f"def run(_):\n print({TOLD} is signal.default_int_handler)\n return 7\n"
    "main.run_command = run\nmain.entry()"
)
IGNORED = "signal.signal(signal.SIGINT, signal.SIG_IGN)"


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("argv", "before", "handler"),
    [
        ("-m", "", "signal.SIG_DFL"),
        ("-m", IGNORED, "signal.SIG_IGN"),
        ("program.py", "", "signal.default_int_handler"),
    ],
)
def test_only_a_module_that_is_run_takes_it(argv: str, before: str, handler: str) -> None:
    program = BEFORE.format(argv=argv, before=before) + f"print({TOLD} is {handler})"
    assert run(program).stdout == "True\n"


@pytest.mark.parametrize(("before", "listens"), [("", "True"), (IGNORED, "False")])
def test_the_command_line_listens_unless_it_was_told_not_to(before: str, listens: str) -> None:
    done = run(BEFORE.format(argv="-m", before=before) + RUN)
    assert (done.stdout, done.returncode) == (f"{listens}\n", 7)


def test_a_signal_at_the_very_end_leaves_the_exit_code() -> None:
    late = "import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIG{0})\n"
    for name in ("INT", "TERM", "HUP", "QUIT"):
        program = late.format(name) + "from sut import main\nmain.run_command = lambda _: 7\n"
        assert run(program + "main.entry()").returncode == 7


def test_ctrl_c_during_an_import_is_no_traceback() -> None:
    program = BEFORE.format(argv="-m", before="") + "import os\nos.kill(os.getpid(), signal.SIGINT)"
    done = run(program)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
