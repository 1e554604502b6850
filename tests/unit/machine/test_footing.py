"""What is missing is said before anything begins, in a process of its own that lacks it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sut.errors import ConfigError
from sut.machine import footing

ROOT = Path(__file__).resolve().parents[3]


def doctor(before: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The command line, begun by a shell that has done `before`."""
    return subprocess.run(
        ["bash", "-c", f"{before}; exec {sys.executable} -m sut.main verify nowhere"],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("ulimit -n 16", "ulimit -n: this process may open 16 files at once"),
        ("ulimit -v 819200", "ulimit -v: this process may have 800 MiB of address space"),
        ("cd gone; rmdir ../gone", "working directory: the working directory cannot be used"),
    ],
)
def test_it_is_one_sentence_and_bad_input(tmp_path: Path, before: str, said: str) -> None:
    (tmp_path / "gone").mkdir()
    done = doctor(before, tmp_path)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nothing_begins_where_the_kernel_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footing, "PROC", tmp_path)
    with pytest.raises(ConfigError, match="does not tell of this machine") as refused:
        footing.require_footing()
    assert (refused.value.where, refused.value.exit_code) == (str(tmp_path), 2)


def test_with_enough_the_command_is_heard(tmp_path: Path) -> None:
    done = doctor("ulimit -n 24; ulimit -v 1048576", tmp_path)
    assert "nowhere" in done.stderr
    assert "ulimit" not in done.stderr
