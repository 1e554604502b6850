"""Child processes of a Ray worker."""

from __future__ import annotations

import ctypes
import signal


def wait_for_own() -> None:
    """Let this process learn how its children end.

    Ray starts workers with SIGCHLD ignored, which children inherit: then every child seems to
    have ended with code 0, however it died. Through C, for Python's own function works in the
    main thread alone and an actor may be made in another.
    """
    ctypes.CDLL(None).signal(signal.SIGCHLD, None)
