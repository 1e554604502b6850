"""A coordinated run's end on its node: the start gate.

The run asks before each LoadGen run and waits to be let go. The gate is its lifeline too: when
the other end closes, whoever asked for the run is gone, and the run ends as if interrupted.

Lines to the run: "go", "ping". Lines from it: "ready <scenario> <run>", "pong".
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading

from sut.plan.run_id import RunId

GO, PING, READY, PONG = "go", "ping", "ready", "pong"


class StartGate:
    """Asks before each LoadGen run and blocks until it may begin; called by `sut.harness.session`.

    Args:
        descriptor: our end of a stream socket; it is closed with this process.
    """

    def __init__(self, descriptor: int):
        self._socket = socket.socket(fileno=descriptor)
        # A process that the engine forks must not keep the gate open after us.
        self._socket.set_inheritable(False)
        self._allowed: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="start-gate", daemon=True).start()

    def __call__(self, run: RunId) -> None:
        """Return when this run may begin; a gate that closes raises KeyboardInterrupt."""
        self._say(f"{READY} {run}")
        self._allowed.get()

    def _say(self, line: str) -> None:
        try:
            self._socket.sendall(f"{line}\n".encode())
        except OSError:
            # The listener sees the same end and acts on it.
            return

    def _listen(self) -> None:
        try:
            with self._socket.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    if line.strip() == GO:
                        self._allowed.put(None)
                    else:
                        self._say(PONG)
        except OSError:
            pass
        # The signal that a user's Ctrl-C handler takes: logs and result are secured.
        os.kill(os.getpid(), signal.SIGTERM)
