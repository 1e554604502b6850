"""Does vLLM's core still step? A call to it is answered between two steps, and only then.

A card that is wedged, or a worker that waits for ever, leaves the core's process alive inside
one step: vLLM calls that healthy, and no process has died.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from typing import Any

# On a CPU a step of a run may be so many times as long as the longest of the warm-up.
ALLOWANCE = 3.0
# The core takes queries and this call in order of arrival. With 40,000 queries given at once, the
# call behind them was answered after 5.2 s on two shared hyperthreads: 0.13 ms a query.
QUERY_S = 0.001
INTERVAL_S = 0.5
# The answer may have come while this process itself was kept from reading it.
LAST_WAIT_S = 0.5


class Pulse:
    """Calls the core again and again, one call at a time.

    Args:
        ask: a call that the core itself answers.
        limit_s: seconds an answer may take in a run, and `QUERY_S` more for each query before
            it. In the warm-up there is no limit, for kernels are compiled there.
        learns: whether an answer that took long in the warm-up raises the limit to `ALLOWANCE`
            times that: a CPU's steps may be long, a card's only while it compiles.
        clock_s: monotonic.
        interval_s: seconds from an answer to the next call.
        told: is given each answer.
    """

    def __init__(
        self,
        ask: Callable[[], Coroutine[Any, Any, object]],
        limit_s: float,
        *,
        learns: bool,
        clock_s: Callable[[], float] = time.monotonic,
        interval_s: float = INTERVAL_S,
        told: Callable[[object], None] = lambda _: None,
    ):
        self._ask = ask
        self._limit_s = limit_s
        self._learns = learns
        self._given = 0
        self._clock_s = clock_s
        self._interval_s = interval_s
        self._told = told
        self._warming_up = True
        self._asked_s = 0.0
        self._answered = asyncio.Event()
        self._answered.set()
        self._task: asyncio.Task[None] | None = None

    def begin_run(self, *, warmup: bool) -> None:
        """From here on the warm-up's rule holds, or a run's."""
        self._warming_up = warmup
        if self._task is None:
            self._task = asyncio.ensure_future(self._beat())

    def given(self, queries: int) -> None:
        """So many queries went to the core; a call from now on is behind them."""
        self._given += queries

    async def missed_s(self) -> float | None:
        """Seconds the core has owed an answer, once that is too long; None if all is well."""
        if self._warming_up or self._owed_s() <= self._limit_s + QUERY_S * self._given:
            return None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), LAST_WAIT_S)
        return None if self._answered.is_set() else self._owed_s()

    def _owed_s(self) -> float:
        return 0.0 if self._answered.is_set() else self._clock_s() - self._asked_s

    async def _beat(self) -> None:
        while True:
            before_it, self._asked_s = self._given, self._clock_s()
            self._answered.clear()
            try:
                self._told(await self._ask())
            except Exception:  # noqa: BLE001 - a core that died is told by vLLM's own word
                return
            finally:
                if self._warming_up and self._learns:
                    self._limit_s = max(self._limit_s, ALLOWANCE * self._owed_s())
                self._given -= before_it
                self._answered.set()
            await asyncio.sleep(self._interval_s)

    def stop(self) -> None:
        """Call no more."""
        if self._task is not None:
            self._task.cancel()
