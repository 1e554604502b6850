"""One command at a time in a folder."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from sut.errors import ConfigError
from sut.record.alone import alone_in


def test_a_second_command_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with alone_in(out):
        with (
            pytest.raises(ConfigError, match=r"^--out: another command works in .*out\.") as told,
            alone_in(out),
        ):
            pass
        assert told.value.exit_code == 2
        with alone_in(out / "inside"):
            pass
    with alone_in(out):
        assert [each.name for each in out.iterdir()] == ["inside"]


def test_a_command_that_was_killed_holds_nothing(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom sut.record.alone import alone_in\n"
        "with alone_in(Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    with alone_in(tmp_path):
        pass


def test_a_share_without_locks_is_worked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(handle: int, operation: int) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr(fcntl, "flock", refuse)
    inside = False
    with alone_in(tmp_path), alone_in(tmp_path):
        inside = True
    assert inside


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ConfigError, match="nothing can be written: File exists"),
        alone_in(tmp_path / "file"),
    ):
        pass
