"""Whether anything disturbed a run: other programs, the hypervisor, our own loop, our collector.

Everything is counted by the kernel or by the loop itself; two looks a second cost less than a
thousandth of a core.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from array import array
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from sut.machine.cpu_time import CoreTimes, core_times, throttled_s, tree_times
from sut.machine.devices import usable_cores
from sut.record.surroundings import SurroundingsFacts

WINDOW_S = 1.0
TICK_S = 0.02


@dataclass(frozen=True)
class Reading:
    """What the kernel has counted until now."""

    monotonic_s: float
    cores: CoreTimes | None
    ours: Mapping[int, float]
    """By process id: this one and all that descend from it."""
    throttled_s: float | None


def read_times() -> Reading:
    """Of the threads that we may run on."""
    return Reading(
        time.monotonic(), core_times(usable_cores()), tree_times(os.getpid()), throttled_s()
    )


class Surroundings:
    """Watches between enter and exit; `look` is called now and then meanwhile.

    Args:
        loop: the engine's; it runs on a thread of its own.
        apart: whether everything that runs for us here descends from this process. Where replicas
            of a cluster may run beside us, what they use would be taken for others'.
        begun: whether LoadGen has issued a query. What held up the loop before that, the
            collection after the samples were loaded say, had no part in any figure.
        read: gives the kernel's counts.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        apart: bool,
        begun: Callable[[], bool] = lambda: True,
        read: Callable[[], Reading] = read_times,
    ):
        self._loop, self._apart, self._begun, self._read = loop, apart, begun, read
        self._first = self._window = self._last = read()
        self._used: dict[int, float] = {}
        self._others_most: float | None = None
        self._others_before_s = 0.0
        self._late_s, self._due_s, self._over = array("d"), 0.0, False
        self._pauses_s, self._paused_s = array("d"), 0.0

    def __enter__(self) -> Surroundings:
        gc.callbacks.append(self._collecting)
        self._loop.call_soon_threadsafe(self._next_tick)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over = True
        gc.callbacks.remove(self._collecting)
        self.look()

    def look(self) -> None:
        """Read once more; a process that ends keeps what it was last seen to have used."""
        now = self._read()
        for pid, used_s in now.ours.items():
            # A process that was not there before began with nothing.
            self._used[pid] = used_s - self._first.ours.get(pid, 0.0)
        self._last = now
        if now.monotonic_s - self._window.monotonic_s >= WINDOW_S:
            others_s = self._others_s()
            if others_s is not None:
                share = (others_s - self._others_before_s) / self._room_s(self._window)
                self._others_most = max(self._others_most or 0.0, share)
                self._others_before_s = others_s
            self._window = now

    def facts(self, loadgen_pid: int) -> SurroundingsFacts:
        """What was seen from enter to exit.

        Args:
            loadgen_pid: LoadGen's process; the others that we started are the engine's.
        """
        first, last, me = self._first, self._last, os.getpid()
        room_s, others_s, steal_s = self._room_s(first), self._others_s(), None
        if first.cores is not None and last.cores is not None:
            steal_s = last.cores.steal_s - first.cores.steal_s
        engine_s = sum(used for pid, used in self._used.items() if pid not in (me, loadgen_pid))
        late_ms = np.frombuffer(self._late_s) * 1e3

        def share(used_s: float | None) -> float | None:
            return None if used_s is None else round(used_s / room_s, 4)

        return SurroundingsFacts(
            cores=len(usable_cores()),
            seconds=round(last.monotonic_s - first.monotonic_s, 3),
            harness_share=share(self._used.get(me)),
            loadgen_share=share(self._used.get(loadgen_pid)),
            engine_share=share(engine_s if self._apart else None),
            others_share=share(others_s),
            others_share_most=None if self._others_most is None else round(self._others_most, 4),
            steal_share=share(steal_s),
            throttled_s=_between(first.throttled_s, last.throttled_s),
            loop_late_ms_p99=round(float(np.percentile(late_ms, 99)), 3) if len(late_ms) else None,
            loop_late_ms_most=round(float(late_ms.max()), 3) if len(late_ms) else None,
            collections=len(self._pauses_s),
            collection_ms_most=round(max(self._pauses_s, default=0.0) * 1e3, 3),
        )

    def _others_s(self) -> float | None:
        """Busy time of these threads until now that no process of ours had."""
        before, now = self._first.cores, self._last.cores
        if before is None or now is None or not self._apart:
            return None
        return max(0.0, now.busy_s - before.busy_s - sum(self._used.values()))

    def _room_s(self, since: Reading) -> float:
        """The time that these threads had between a reading and the last one."""
        elapsed_s = self._last.monotonic_s - since.monotonic_s
        return max(elapsed_s, 1e-9) * len(usable_cores())

    def _next_tick(self) -> None:
        if not self._over:
            self._due_s = time.monotonic() + TICK_S
            self._loop.call_later(TICK_S, self._tick)

    def _tick(self) -> None:
        if self._begun():
            self._late_s.append(max(0.0, time.monotonic() - self._due_s))
        self._next_tick()

    def _collecting(self, phase: str, _: Mapping[str, int]) -> None:
        if phase == "start":
            self._paused_s = time.monotonic()
        elif self._begun():
            self._pauses_s.append(time.monotonic() - self._paused_s)


def _between(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else round(last - first, 3)
