"""How long queries took, as their replica saw it and as the driver did; the rest is the way.

Each side counts from when it had the query, on its own clock: two hosts' are never compared.
"""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

NS_PER_MS = 1e6
PERCENTS = (50, 99)


class Times:
    """Times of one run, ns; nothing is computed before `figures`."""

    def __init__(self) -> None:
        self.replica_first_ns, self.driver_first_ns = array("q"), array("q")
        self.replica_answer_ns, self.driver_answer_ns = array("q"), array("q")

    def first(self, replica_ns: int, driver_ns: int) -> None:
        """A first token came."""
        self.replica_first_ns.append(replica_ns)
        self.driver_first_ns.append(driver_ns)

    def answer(self, replica_ns: int, driver_ns: int) -> None:
        """An answer came."""
        self.replica_answer_ns.append(replica_ns)
        self.driver_answer_ns.append(driver_ns)

    def figures(self) -> dict[str, float]:
        """Names with units → values, of what there is: Offline has no first tokens.

        `data_plane_first_token_*` is what the driver saw less what the replica did, query by
        query: a percentile of it is not the difference of two percentiles.
        """
        replica, driver = _of(self.replica_first_ns), _of(self.driver_first_ns)
        added = driver - replica
        figures = percentiles_ms("data_plane_first_token", added)
        if added.size:
            figures["data_plane_first_token_mean_ms"] = float(added.mean()) / NS_PER_MS
        return (
            figures
            | percentiles_ms("replica_first_token", replica)
            | percentiles_ms("driver_first_token", driver)
            | percentiles_ms("replica_answer", _of(self.replica_answer_ns))
            | percentiles_ms("driver_answer", _of(self.driver_answer_ns))
        )


def percentiles_ms(name: str, times_ns: npt.NDArray[np.int64]) -> dict[str, float]:
    """`<name>_p50_ms` and `<name>_p99_ms`, the values at index floor(n * p); none of nothing."""
    if not times_ns.size:
        return {}
    ordered = np.sort(times_ns)
    return {
        f"{name}_p{percent}_ms": float(ordered[len(ordered) * percent // 100]) / NS_PER_MS
        for percent in PERCENTS
    }


def _of(times_ns: array[int]) -> npt.NDArray[np.int64]:
    """A copy: an array whose memory is lent out can take no more."""
    return np.array(times_ns, np.int64)
