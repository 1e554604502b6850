"""A trial's process: it ends with its search, and cleanly by itself."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sut.tune import child
from sut.tune.process import _why

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


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/x"), "No space left on device"),
        (ZeroDivisionError("by zero"), "this is a bug of ours: ZeroDivisionError: by zero"),
    ],
)
def test_what_nobody_foresaw_is_the_reason_of_a_trial(
    error: Exception,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def broken(*_: Any, **__: Any) -> int:
        raise error

    monkeypatch.setattr(child, "run", broken)
    monkeypatch.setattr(child, "_end_with_the_search", lambda: None)
    code = child.main([str(tmp_path / "resolved.json")])
    output = tmp_path / "output.log"
    output.write_text(capsys.readouterr().err)
    assert code == 1
    assert said in _why(output, code)
    assert "Traceback" not in output.read_text()


def test_a_trial_whose_words_are_gone_says_how_it_ended(tmp_path: Path) -> None:
    gone = tmp_path / "gone" / "output.log"
    said = f"and {gone} cannot be read: No such file or directory"
    assert _why(gone, 1) == f"its process ended with exit code 1, {said}"
    assert _why(gone, -9) == f"its process ended with signal 9, {said}"
