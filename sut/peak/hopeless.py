"""Trials that can no longer hold, given up while they run.

Either more queries are over a limit already than the whole run could bear, or the open ones grow
without bound. A trial that would hold is never given up for the first reason, and for the second
only if it would not in a longer run.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sut.advice.load import Load
from sut.harness.ledger import NO_TIME, Ledger
from sut.rules.limits import Limit

NS_PER_MS, NS_PER_S = 1_000_000, 1_000_000_000
LEAST_S = 10.0
LEAST_ANSWERS = 6
"""A queue is judged after so many times the fastest answer: until then it only fills."""

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hopeless:
    """Called while a trial runs; says why it is given up.

    Attributes:
        limits: what it is held to.
        queries: that LoadGen will issue in all.
    """

    limits: Sequence[Limit]
    queries: int

    def __call__(self, ledger: Ledger, now_ns: int) -> str | None:
        """Why no further query can save the trial; None: it may still hold."""
        issued, first, done, tokens = _columns(ledger)
        if not len(issued):
            return None
        for limit in self.limits:
            over = int(_over(limit, issued, first, done, tokens, now_ns).sum())
            if over > limit.allowed(self.queries):
                return (
                    f"the trial was given up: {over} queries are over the limit of {limit.name} "
                    f"already, of {self.queries} in all"
                )
        return _grows(issued, done, now_ns)


def _columns(ledger: Ledger) -> tuple[Times, Times, Times, Times]:
    """The stamps as they are now, all of one length: the engine's thread goes on writing."""
    columns = (ledger.issued_ns, ledger.first_token_ns, ledger.done_ns, ledger.tokens_out)
    # Slices of arrays are copies: one that is exported to numpy could not grow meanwhile.
    copies: list[array[int]] = [each[:] for each in columns]
    count = min(len(each) for each in copies)
    issued, first, done, tokens = (np.array(each[:count], np.int64) for each in copies)
    return issued, first, done, tokens


def _over(
    limit: Limit, issued: Times, first: Times, done: Times, tokens: Times, now_ns: int
) -> npt.NDArray[np.bool_]:
    """Which queries are over a limit for certain, answered or not."""
    most_ns = int(limit.limit_ms * NS_PER_MS)
    if limit.kind == "TPOT":
        answered = (done != NO_TIME) & (tokens > 1)
        slow: npt.NDArray[np.bool_] = done - first > most_ns * np.maximum(tokens - 1, 1)
        both: npt.NDArray[np.bool_] = np.logical_and(answered, slow)
        return both
    ends = first if limit.kind == "TTFT" else done
    over: npt.NDArray[np.bool_] = np.where(ends == NO_TIME, now_ns, ends) - issued > most_ns
    return over


def _grows(issued: Times, done: Times, now_ns: int) -> str | None:
    """That the open queries grow by more than chance, as after a run (`sut.advice.load`)."""
    ended = done != NO_TIME
    if not ended.any():
        return None
    fastest_ns = int((done - issued)[ended].min())
    if now_ns - issued[0] < max(LEAST_S * NS_PER_S, LEAST_ANSWERS * fastest_ns):
        return None
    middle = (int(issued[0]) + now_ns) // 2
    load = Load(
        arrived=int((issued > middle).sum()),
        served=int((ended & (done > middle)).sum()),
        open_before=int(((issued <= middle) & (~ended | (done > middle))).sum()),
        one_alone=False,
    )
    if not load.overloaded:
        return None
    return (
        f"the trial was given up: of {load.arrived} queries in the second half of its time "
        f"{load.served} were answered, and the others wait longer and longer"
    )
