"""A process ends with the holder of its leash, whatever either is doing. Small real processes."""

from __future__ import annotations

import os
import pickle
import select
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sut.engines.vllm.orphans import Leash, fastened

WAIT_MS = 60_000
BESIDE = "import os, sys\nsys.path.insert(0, os.getcwd())\n"
# Hands a leash to another process, as vLLM does, from a thread that ends right after.
HOLDER = """
import base64, os, pickle, subprocess, sys, threading
from sut.engines.vllm.orphans import Leash
leash = Leash.held_here()
told = base64.b64encode(pickle.dumps(leash)).decode()
def start():
    global core
    core = subprocess.Popen([sys.executable, "-c", sys.argv[1], told],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            pass_fds=[leash.terms[2]] if "keep" in sys.argv[2:] else [])
    assert core.stdout.readline() == "fastened\\n"
thread = threading.Thread(target=start)
thread.start()
thread.join()
print(core.pid, flush=True)
for line in sys.stdin:
    if line == "let go\\n":
        leash.let_go()
        continue
    core.stdin.write(line)
    core.stdin.flush()
    print(core.stdout.readline(), end="", flush=True)
"""
CORE = """
import base64, itertools, os, pickle, signal, sys
{before}
pickle.loads(base64.b64decode(sys.argv[1]))
print("fastened", flush=True)
{then}
"""
ECHO = "for line in sys.stdin:\n    print(line, end='', flush=True)\nsignal.pause()"
HOLDS_THE_GIL = "sum(itertools.repeat(0))"
STOPPED = "os.kill(os.getpid(), signal.SIGSTOP)"
NO_PIDFD = "del os.pidfd_open"
NO_PIPE = "def refuse(*_): raise PermissionError\nos.open = refuse"


@contextmanager
def holder(
    then: str, *, before: str = "", keep: bool = False
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process with a leash, and the pidfd of the one that it has on it."""
    core = BESIDE + textwrap.dedent(CORE).format(before=before, then=then)
    words = [sys.executable, "-c", BESIDE + HOLDER, core, *(["keep"] if keep else [])]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    handle = None
    assert process.stdout is not None
    try:
        handle = os.pidfd_open(int(process.stdout.readline()))
        yield process, handle
    finally:
        process.kill()
        process.communicate()
        if handle is not None:
            if not ends(handle, 0):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)


def ends(handle: int, within_ms: int = WAIT_MS) -> bool:
    ears = select.poll()
    ears.register(handle, select.POLLIN)
    return bool(ears.poll(within_ms))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT, signal.SIGTERM])
def test_it_ends_with_the_holder_however_that_went(how: signal.Signals) -> None:
    with holder(ECHO) as (process, core):
        process.send_signal(how)
        assert ends(core)


@pytest.mark.parametrize("busy", [HOLDS_THE_GIL, STOPPED], ids=["gil", "stopped"])
def test_what_runs_no_python_ends_too(busy: str) -> None:
    with holder(busy) as (process, core):
        process.kill()
        assert ends(core)


@pytest.mark.parametrize(
    ("before", "keep"),
    [(NO_PIPE, False), ("", True), (f"{NO_PIPE}\n{NO_PIDFD}", False)],
    ids=["no pipe", "the writing end was inherited", "neither pipe nor pidfd"],
)
def test_each_watch_is_enough_by_itself(before: str, keep: bool) -> None:
    with holder(ECHO, before=before, keep=keep) as (process, core):
        process.kill()
        assert ends(core)


def test_the_thread_that_started_it_may_end() -> None:
    with holder(ECHO) as (process, core):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("still there\n")
        process.stdin.flush()
        assert process.stdout.readline() == "still there\n"
        assert not ends(core, 0)


def bound(terms: tuple[int, int, int]) -> int:
    """The exit code of a process that is bound to this and does nothing else."""
    code = f"from sut.engines.vllm.orphans import fastened\nfastened(*{terms})"
    return subprocess.run([sys.executable, "-c", BESIDE + code], check=False).returncode


def test_a_holder_that_is_gone_already_ends_it_at_once() -> None:
    code = "from sut.engines.vllm.orphans import Leash\nprint(*Leash.held_here().terms)"
    told = subprocess.run(
        [sys.executable, "-c", BESIDE + code], capture_output=True, text=True, check=True
    ).stdout
    pid, started, writer = map(int, told.split())
    assert bound((pid, started, writer)) == -signal.SIGKILL


def test_a_process_id_that_was_given_again_is_no_holder() -> None:
    leash = Leash.held_here()
    pid, started, writer = leash.terms
    assert bound(leash.terms) == 0
    assert bound((pid, started - 1, writer)) == -signal.SIGKILL
    leash.let_go()


def test_the_holder_itself_is_bound_to_nothing() -> None:
    leash = Leash.held_here()
    copy = pickle.loads(pickle.dumps(leash))
    assert copy.terms == leash.terms
    assert fastened(*leash.terms).terms == leash.terms
    leash.let_go()
    leash.let_go()  # closes nothing that was opened since


def test_letting_go_ends_what_is_left() -> None:
    with holder(ECHO) as (process, core):
        assert process.stdin is not None
        process.stdin.write("let go\n")
        process.stdin.flush()
        assert ends(core)
        assert process.poll() is None
