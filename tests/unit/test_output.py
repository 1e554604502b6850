"""Standard output that cannot take everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRY_RUN = ("-m", "sut.main", "--scenario", "Offline", "--engine", "null", "--dry-run")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "command", [DRY_RUN, ("-m", "scripts.parse_logs", "tests/data/logs/server")]
)
def test_a_full_output_is_told_in_words(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"no space left" in done.stderr.lower()


def test_a_closed_pipe_ends_a_verb_without_a_word() -> None:
    done = subprocess.Popen(
        [sys.executable, *DRY_RUN], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.stdout is not None
    assert done.stderr is not None
    with done:
        done.stdout.close()
        assert done.stderr.read() == b""
    assert done.returncode == 141


def test_a_character_that_the_terminal_lacks_is_spelled_out() -> None:
    program = "from sut.output import whole_output\nwith whole_output(): print('a \\u2026 b')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"a \\u2026 b\n"
