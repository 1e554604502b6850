"""Could the system keep up with a Server run's arrivals? From the ledger's monotonic stamps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

# Open queries of a system that keeps up swing by about the root of their number (Poisson
# arrivals), so the difference of two such counts by the root of their sum: growth within this
# many of that is chance.
SWINGS = 2.5
# A rate that is missed by less than this is called kept.
MISSED_SHARE = 0.1
# Where the median query takes no longer than this times the fastest, it is not the others that
# it waited for.
FLAT = 1.25


@dataclass(frozen=True)
class Load:
    """How the queries of the second half of the arrivals came and went.

    Args:
        arrived: queries issued in it.
        served: queries that ended in it.
        open_before: queries open when it began.
        one_alone: whether any query of the run had the system for itself.
    """

    arrived: int
    served: int
    open_before: int
    one_alone: bool

    @property
    def overloaded(self) -> bool:
        """Whether the queue grew by more than chance: then times say nothing of a lower rate."""
        grown = self.arrived - self.served
        chance = SWINGS * math.sqrt(2 * self.open_before + max(grown, 0))
        return grown > MISSED_SHARE * self.arrived and grown > chance


def load_of(ledger: Any) -> Load | None:
    """The load of one run; None for fewer than two queries that ended."""
    import pyarrow.compute as pc

    ended = ledger.filter(pc.is_valid(ledger["done_ns"])).sort_by("issued_ns")
    if ended.num_rows < 2:
        return None
    issued, done = (ended[name].to_numpy() for name in ("issued_ns", "done_ns"))
    last = int(issued[-1])
    middle = (int(issued[0]) + last) // 2
    before = np.concatenate(([np.iinfo(np.int64).min], np.maximum.accumulate(done)[:-1]))
    after = np.concatenate((issued[1:], [np.iinfo(np.int64).max]))
    return Load(
        arrived=int((issued > middle).sum()),
        served=int(((done > middle) & (done <= last)).sum()),
        open_before=int(((issued <= middle) & (done > middle)).sum()),
        one_alone=bool(((before <= issued) & (done <= after)).any()),
    )


def is_flat(times_ns: Any) -> bool:
    """Whether a time hardly depends on what else was open: its median is near its least."""
    return len(times_ns) > 0 and float(np.median(times_ns)) <= FLAT * float(np.min(times_ns))
