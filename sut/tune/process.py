"""Runs `sut.tune.child` and says how it ended; whatever it does, it ends."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sut.config.sources import Loaded
from sut.errors import Interrupted
from sut.harness.facts import write_config

GRACE_S = 60.0
"""A child that is told to end writes what it has, and has so long for it."""
RESOLVED, OUTPUT = "resolved.json", "output.log"


@dataclass(frozen=True)
class Ended:
    """How a child ended.

    Attributes:
        took_s: seconds from its start.
        failed: why it made nothing; None: it made what was asked.
    """

    took_s: float
    failed: str | None


def run_child(folder: Path, loaded: Loaded, words: Sequence[str], limit_s: float | None) -> Ended:
    """One child in a folder of its own, which holds its settings and what it prints.

    Args:
        folder: empty.
        loaded: its configuration.
        words: flags of `sut.tune.child`.
        limit_s: seconds until it counts as hanging; None: it watches itself.

    Raises:
        KeyboardInterrupt: the user ended it, and it has ended.
    """
    write_config(folder / RESOLVED, loaded.config, loaded.origins)
    command = [sys.executable, "-m", "sut.tune.child", str(folder / RESOLVED), *words]
    begun_s = time.monotonic()
    with (folder / OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = process.wait(limit_s)
    except subprocess.TimeoutExpired:
        return Ended(time.monotonic() - begun_s, f"it was not over after {limit_s:.0f} s")
    finally:
        _end(process)
    took_s = time.monotonic() - begun_s
    if code == Interrupted.exit_code:
        raise KeyboardInterrupt
    return Ended(took_s, None if code == 0 else _why(folder / OUTPUT, code))


def _end(process: subprocess.Popen[bytes]) -> None:
    """Tell it to end where it has not, and end it by force where it does not listen."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _why(output: Path, code: int) -> str:
    """The error that it printed, in one line; else how it ended."""
    ended = f"its process ended with {f'signal {-code}' if code < 0 else f'exit code {code}'}"
    try:
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:  # its folder was moved or removed
        return f"{ended}, and {output} cannot be read: {error.strerror}"
    told = [line.removeprefix("sut: ") for line in lines if line.startswith("sut: ")]
    return told[-1] if told else ended
