"""What the program is called by, and how it says which one it is."""

from __future__ import annotations

import subprocess
import sys

import pytest

import sut
from sut.main import run_command


def test_the_version_is_told_by_the_package_and_by_the_command(capsys) -> None:
    assert run_command(["--version"]) == 0
    assert capsys.readouterr().out.strip() == sut.__version__
    assert sut.__version__[0].isdigit()


def test_the_package_itself_can_be_run() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sut", "--version"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, sut.__version__)


def test_the_package_has_no_other_surprise() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = sut.nothing
