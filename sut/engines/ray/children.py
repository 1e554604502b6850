"""Child processes of a process that Ray's library is at home in."""

from __future__ import annotations

import ctypes
import signal


def wait_for_own() -> None:
    """Let this process learn how its children end.

    Under RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper Ray ignores SIGCHLD in
    workers and in drivers, and children inherit that: then every child seems to have ended
    with code 0, however it died. Through C, for Python's own function works in the main thread
    alone, and neither an actor nor a connection need be made there.
    """
    ctypes.CDLL(None).signal(signal.SIGCHLD, None)
