"""LoadGen's process sends a pulse; without one it is dead, unless we stood still ourselves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from sut.harness.silence import LOOK_S, Silence, silent_process


def watched(looks: list[tuple[float, int]], limit_s: float = 5.0) -> float | None:
    """The last answer after looks at (seconds, signs so far)."""
    times = iter([0.0, *(at for at, _ in looks)])
    silence = Silence(limit_s, clock=lambda: next(times))
    found = [silence.look(signs) for _, signs in looks]
    assert all(each is None for each in found[:-1])
    return found[-1]


def test_each_sign_starts_the_count_anew() -> None:
    assert watched([(float(at), at) for at in range(1, 60)]) is None
    assert watched([(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2), (7, 2)]) is None


def test_silence_beyond_the_limit_is_told_with_its_length() -> None:
    assert watched([(float(at), 1) for at in range(1, 8)]) == 6.0


def test_a_child_that_was_never_heard_counts_from_the_start() -> None:
    assert watched([(float(at), 0) for at in range(1, 8)]) == 6.0


def test_a_harness_that_was_stopped_itself_does_not_blame_loadgen() -> None:
    assert watched([(1, 1), (3600, 1)]) is None, f"at most {LOOK_S} s of it count"


def test_a_stopped_process_is_called_so() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        os.kill(process.pid, signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        assert silent_process(process.pid, 31).endswith("for 31 s: it is stopped (SIGSTOP)")
        process.kill()
    assert silent_process(process.pid, 31).endswith("for 31 s")
