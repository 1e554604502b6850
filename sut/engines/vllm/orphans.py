"""vLLM's processes end when the process that started the engine is gone, however it went.

vLLM's core waits for its frontend: for ever while it serves, for five minutes while it starts
(HANDSHAKE_TIMEOUT_MINS). A harness that was killed, for memory say, tells it nothing, and on a
card the core would keep the memory from the next run. So the engine is given a leash:

* It lies in vLLM's own configuration (`sut.engines.vllm.luggage`), which vLLM hands to each process
  it starts by pickling it. Unpickled there, before anything of vLLM runs, it is fastened.
* A pipe, of which the harness holds the only writing end. The core asks the kernel for SIGKILL
  when that end closes (F_SETSIG and O_ASYNC, fcntl(2)): it reaches a core that was stopped, or
  that holds the GIL inside a C call.
* A thread in the core that waits for the harness's pidfd, for where a third process has inherited
  the writing end or /proc is closed to us. It needs the GIL. Without pidfds it looks once a second.

PR_SET_PDEATHSIG does not serve: it is bound to the thread that forked, and vLLM is started in one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import threading
import time
from typing import Any, NoReturn

from sut.machine.processes import started_ticks

LOOK_S = 1.0


class Leash:
    """Held by one process; whoever unpickles it elsewhere ends with that process.

    Args:
        pid, started: the holder, and when it began in clock ticks since boot: a process id is
            given again, both together are not.
        writer: the holder's descriptor of the pipe.
    """

    def __init__(self, pid: int, started: int, writer: int):
        self.terms = (pid, started, writer)
        self._held = pid == os.getpid()

    @classmethod
    def held_here(cls) -> Leash:
        """A new one, held by this process until it ends or lets go."""
        started = started_ticks(os.getpid())
        assert started is not None, "a process that runs has begun"
        reader, writer = os.pipe()  # both are closed on exec
        os.close(reader)
        return cls(os.getpid(), started, writer)

    def let_go(self) -> None:
        """The kernel ends what is left on it; nothing may be."""
        if self._held:
            self._held = False
            os.close(self.terms[2])

    def __reduce__(self) -> tuple[Any, tuple[int, int, int]]:
        return fastened, self.terms


def fastened(pid: int, started: int, writer: int) -> Leash:
    """Bind this process to the one that holds the leash; the holder itself is bound to nothing.

    Ends this process at once where the holder is gone already.
    """
    if pid == os.getpid():
        return Leash(pid, started, writer)
    try:
        holder = os.pidfd_open(pid)
    except ProcessLookupError:
        _end()
    except (AttributeError, OSError):  # Linux before 5.3, or a sandbox that lacks it
        holder = None
    if started_ticks(pid) != started:
        _end()
    with contextlib.suppress(OSError):
        _ask_the_kernel(f"/proc/{pid}/fd/{writer}")
    watch = threading.Thread(
        target=_wait, args=(holder, pid, started), name="orphan-watch", daemon=True
    )
    watch.start()
    return Leash(pid, started, writer)


def _ask_the_kernel(pipe: str) -> None:
    """SIGKILL for this process when the last writing end of `pipe` closes.

    Raises:
        OSError: the pipe cannot be opened from here.
    """
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # held open as long as we live
    fcntl.fcntl(reader, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(reader, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    # The signal is for what happens from now on.
    ears = select.poll()
    ears.register(reader, select.POLLIN)
    if any(event & select.POLLHUP for _, event in ears.poll(0)):
        _end()


def _wait(holder: int | None, pid: int, started: int) -> None:
    if holder is not None:
        ears = select.poll()
        ears.register(holder, select.POLLIN)
        ears.poll()
        _end()
    while started_ticks(pid) == started:
        time.sleep(LOOK_S)
    _end()


def _end() -> NoReturn:
    """At once: nothing here is worth an orderly end that may hang."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit  # never reached
