"""How LoadGen's process ended, in words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sut.loadgen.child import LoadGenSpec
from sut.loadgen.process import LoadGenProcess

SPEC = LoadGenSpec("", "", "Server", "performance", 1, 1, "", "", enable_trace=False)


@pytest.mark.parametrize(
    ("program", "printed", "said"),
    [
        ("", "", None),
        ("import sys; sys.exit(3)", "", "LoadGen's process exited with code 3"),
        (
            "import sys; sys.exit(3)",
            "Traceback\nValueError: no\n",
            "LoadGen's process exited with code 3, and loadgen.log ends: ValueError: no",
        ),
        (
            "import os; os.kill(os.getpid(), 9)",
            "",
            "LoadGen's process was ended by SIGKILL",
        ),
    ],
)
def test_how_it_ended(tmp_path: Path, program: str, printed: str, said: str | None) -> None:
    child = LoadGenProcess(SPEC, tmp_path / "loadgen.log")
    (tmp_path / "loadgen.log").write_text(printed)
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        child._process = process
        process.wait()
    assert child.how_it_ended() == said
