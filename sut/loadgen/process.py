"""Starts LoadGen's process for one run, waits for it, and ends it when it must be ended."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from sut.loadgen.child import LoadGenSpec

SOCKET_BUFFER_BYTES = 1 << 22


class LoadGenProcess:
    """`python -m sut.loadgen.child` with one end of a socket pair; a context manager.

    The child has a session of its own, so Ctrl-C reaches only us, and it exits by itself
    when our end of the socket closes.
    """

    def __init__(self, spec: LoadGenSpec, output: Path):
        self._spec = spec
        self._output = output
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LoadGenProcess:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER_BYTES)
        with theirs:
            self._log = self._output.open("ab")
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sut.loadgen.child", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        with contextlib.suppress(OSError):  # a child that died at once shows by its exit code
            ours.sendall(msgspec.json.encode(self._spec) + b"\n")
        self.connection = ours
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        self.connection.close()
        if self._log is not None:
            self._log.close()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The running child."""
        if self._process is None:
            raise RuntimeError("LoadGen's process has not been started")
        return self._process

    def wait(self, timeout_s: float) -> bool:
        """Whether the process has ended within `timeout_s`.

        Waits on a file descriptor: Popen.wait polls, and took 4 % of a core while the engine
        needed it.
        """
        handle = os.pidfd_open(self.process.pid)
        try:
            select.select([handle], [], [], timeout_s)
        finally:
            os.close(handle)
        return self.process.poll() is not None

    def end(self) -> None:
        """End the process now; what LoadGen has logged so far stays in its files."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def how_it_ended(self) -> str | None:
        """None for a clean exit, else what happened, in words."""
        code = self.process.poll()
        if code is None:
            return "LoadGen's process is still running"
        if code == 0:
            return None
        name = signal.Signals(-code).name if code < 0 else ""
        how = f"was ended by {name}" if name else f"exited with code {code}"
        return f"LoadGen's process {how}{self._last_words()}"

    def _last_words(self) -> str:
        """The last line that it printed, as of an exception."""
        with contextlib.suppress(OSError):
            lines = self._output.read_text(encoding="utf-8", errors="replace").splitlines()
            if lines:
                return f", and {self._output.name} ends: {lines[-1].strip()}"
        return ""
