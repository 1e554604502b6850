"""Which processes an engine has started, and that none of them outlives it."""

from __future__ import annotations

import contextlib

import psutil

from sut.machine.processes import drop_shared, end_all

DEAD = ("gone", psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)


class ProcessGuard:
    """Tells an engine's processes from what was there before it.

    Python's own multiprocessing resource tracker does not count: it serves us too, ignores
    signals, and ends by itself when we do.
    """

    def __init__(self) -> None:
        self._before = {child.pid for child in psutil.Process().children(recursive=True)}
        self._adopted: list[psutil.Process] = []

    def _new(self) -> list[psutil.Process]:
        children = psutil.Process().children(recursive=True)
        return [
            child for child in children if child.pid not in self._before and not _is_tracker(child)
        ]

    def adopt_new(self) -> None:
        """From here on the processes that exist now are expected to live."""
        self._adopted = self._new()

    def pids(self) -> list[int]:
        """The adopted processes."""
        return [process.pid for process in self._adopted]

    def dead(self) -> str | None:
        """Says which adopted process has ended or was stopped; None if all live."""
        for process in self._adopted:
            state = "gone"
            with contextlib.suppress(psutil.NoSuchProcess):
                state = process.status() if process.is_running() else state
            if state == psutil.STATUS_STOPPED:
                return f"was stopped (pid {process.pid}, SIGSTOP)"
            if state in DEAD:
                return f"died (pid {process.pid} is {state})"
        return None

    def end_new(self) -> None:
        """Terminate, then kill, whatever is left; returns when nothing is."""
        ours = {*self._new(), *self._adopted}
        end_all(process for process in ours if process.is_running())
        drop_shared([process.pid for process in ours])
        self._adopted = []


def _is_tracker(process: psutil.Process) -> bool:
    try:
        return any("resource_tracker" in part for part in process.cmdline())
    except psutil.Error:
        return True
