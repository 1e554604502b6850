"""`make benchmark` ends with what the harness said; only a crash ends in make's error line."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def make_benchmark(tmp_path: Path, script: str, *more: str) -> subprocess.Popen[str]:
    """Run the recipe with a python that is a shell script, and a set-up that does nothing."""
    python = tmp_path / "python"
    python.write_text(f"#!/bin/bash\n{script}\n")
    python.chmod(0o755)
    return subprocess.Popen(
        ["make", "-f", "Makefile", "benchmark", f"BIN={tmp_path}", "PYTHON=true", *more],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("MAKE")},
    )


@pytest.mark.parametrize(
    ("code", "last"),
    [
        (0, "Result: here"),
        (1, "make benchmark: not VALID (exit code 1); the reason stands above."),
        (2, "make benchmark: bad input (exit code 2); what to change stands above."),
        (3, "make benchmark: no engine (exit code 3); the reason stands above."),
        (130, "make benchmark: interrupted (exit code 130)."),
    ],
)
def test_a_run_that_said_why_has_the_last_word(tmp_path: Path, code: int, last: str) -> None:
    made = make_benchmark(tmp_path, f'echo "Result: here"; exit {code}')
    out, err = made.communicate()
    assert (made.returncode, err) == (0, "")
    assert out.splitlines()[-1] == last


@pytest.mark.parametrize("code", [4, 134, 137, 139])
def test_a_crash_stays_an_error_of_make(tmp_path: Path, code: int) -> None:
    made = make_benchmark(tmp_path, f"exit {code}")
    _, err = made.communicate()
    assert made.returncode == 2
    assert err.splitlines()[-1].endswith(f"Error {code}")


def test_arguments_with_quotes_reach_the_harness_as_they_are(tmp_path: Path) -> None:
    made = make_benchmark(tmp_path, 'printf "<%s>" "$@"', "ARGS=--set node_name='a b'")
    out, _ = made.communicate()
    command, printed = out.splitlines()
    assert command.endswith("python -m sut.main --set node_name='a b'")
    assert printed == "<-m><sut.main><--set><node_name=a b>"


def test_ctrl_c_ends_make_without_an_error_line(tmp_path: Path) -> None:
    """The terminal sends it to the whole group; the harness ends in order, with 130."""
    script = 'trap "echo cut short; exit 130" INT; echo running; read -r < "$0.pipe"'
    os.mkfifo(tmp_path / "python.pipe")
    made = make_benchmark(tmp_path, script)
    assert made.stdout is not None
    assert made.stderr is not None
    lines = iter(made.stdout.readline, "")
    assert "running\n" in lines
    os.killpg(made.pid, signal.SIGINT)
    out, err = made.communicate()
    assert out.startswith("cut short")
    assert "***" not in err
    assert made.returncode != 0, "who waits for make sees the interruption"
