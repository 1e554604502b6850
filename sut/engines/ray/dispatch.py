"""Which replica answers which query: pure policy, no clock, no network.

A policy is told of queries as they come (`offer`), of first tokens (`first`), of answers as they
end (`ended`) and of replicas that are gone (`lost`); `take` says what a replica is to be given
next. Work is measured in tokens: a prompt's plus the most an answer may have.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

Query = tuple[int, int]
"""(sequence number within the run, sample index)."""
Work = Callable[[int], int]
"""Tokens that a sample may cost, by its index; asked again for each query, because LoadGen loads
samples after a run has begun."""

# A replica should never run dry while a hand-over is under way, which takes milliseconds where an
# answer takes seconds, and never hold so much that it ends later than the others.
# Samples that a replica works on at a time, where its engine has no bound of its own.
WINDOW = 64
WINDOW_FACTOR = 1.25
PREFILL_WEIGHT = 8
"""How many times more a query counts, on top of its work, until its first token is out: what AMD's
harness of round v6.1 took for Server (docs/cluster.md)."""


class Dispatch(Protocol):
    """What the pool asks of a policy."""

    def offer(self, queries: Sequence[Query]) -> None:
        """Queries that are to be answered."""
        ...

    def take(self, replica: int) -> list[Query]:
        """What this replica is to be given now; it counts as held by it from here on."""
        ...

    def first(self, replica: int, seqs: Iterable[int]) -> None:
        """Sequence numbers of queries whose first token this replica has given."""
        ...

    def ended(self, replica: int, queries: Iterable[Query]) -> None:
        """Queries this replica holds no longer."""
        ...

    def lost(self, replica: int) -> list[Query]:
        """Take a replica out; returns the queries that were meant for it but not yet taken."""
        ...


class Pull:
    """Offline: replicas pull as they drain, so that all end together.

    A replica holds at most a window of samples, and never more than its part of all that is
    left, so that near the end none sits on a queue while another is idle.

    Args:
        replicas: number of replicas.
        window: samples one replica works on at a time.
    """

    def __init__(self, replicas: int, window: int):
        self._window = ceil(window * WINDOW_FACTOR)
        self._queue: deque[Query] = deque()
        self._held = [0] * replicas
        self._alive = set(range(replicas))

    def offer(self, queries: Sequence[Query]) -> None:
        """Queue them in the order given."""
        self._queue.extend(queries)

    def take(self, replica: int) -> list[Query]:
        """As many as fill the replica's window, or its part of what is left."""
        if replica not in self._alive:
            return []
        left = len(self._queue) + sum(self._held[each] for each in self._alive)
        fair = ceil(left / len(self._alive))
        room = min(self._window, fair) - self._held[replica]
        taken = [self._queue.popleft() for _ in range(min(room, len(self._queue)))]
        self._held[replica] += len(taken)
        return taken

    def first(self, replica: int, seqs: Iterable[int]) -> None:
        """Nobody waits for a first token."""

    def ended(self, replica: int, queries: Iterable[Query]) -> None:
        """Make room."""
        self._held[replica] -= sum(1 for _ in queries)

    def lost(self, replica: int) -> list[Query]:
        """Nothing in the queue is meant for anyone; without replicas all of it is lost."""
        self._alive.discard(replica)
        if self._alive:
            return []
        rest = list(self._queue)
        self._queue.clear()
        return rest


class _Assigned:
    """Queries are given to a replica the moment they come."""

    def __init__(self, replicas: int):
        self._alive = list(range(replicas))
        self._queues: list[list[Query]] = [[] for _ in range(replicas)]

    def take(self, replica: int) -> list[Query]:
        """Everything assigned to it since it was last asked."""
        taken, self._queues[replica] = self._queues[replica], []
        return taken

    def first(self, replica: int, seqs: Iterable[int]) -> None:
        """Nothing to remember."""

    def ended(self, replica: int, queries: Iterable[Query]) -> None:
        """Nothing to remember."""

    def lost(self, replica: int) -> list[Query]:
        """Take it out; what it was assigned and had not taken comes back."""
        if replica in self._alive:
            self._alive.remove(replica)
        return self.take(replica)


class Equal(_Assigned):
    """A strict equal split: query n goes to replica n modulo their number."""

    def __init__(self, replicas: int):
        super().__init__(replicas)
        self._next = 0

    def offer(self, queries: Sequence[Query]) -> None:
        """In turn."""
        for query in queries:
            self._queues[self._alive[self._next % len(self._alive)]].append(query)
            self._next += 1


class LeastWork(_Assigned):
    """Server: the replica with the least outstanding work, in tokens.

    Args:
        replicas: number of replicas.
        work: tokens that a sample may cost.
    """

    def __init__(self, replicas: int, work: Work):
        super().__init__(replicas)
        self._work = work
        self._outstanding = [0] * replicas

    def offer(self, queries: Sequence[Query]) -> None:
        """Each to the least busy; of equals to the one first in line."""
        outstanding = self._outstanding
        for query in queries:
            replica = min(self._alive, key=outstanding.__getitem__)
            self._put(replica, query)

    def _put(self, replica: int, query: Query) -> None:
        """Give it a query, and its work."""
        self._outstanding[replica] += self._work(query[1])
        self._queues[replica].append(query)

    def ended(self, replica: int, queries: Iterable[Query]) -> None:
        """Take their work off."""
        self._outstanding[replica] -= sum(self._work(index) for _, index in queries)


class PrefillWeighted(LeastWork):
    """Server: the least work, where a query whose first token is still out weighs more.

    Prompts that wait stand in the way of a new query's first token, and answers that are under
    way hardly do: those share each step. So the replica with the fewest answers left is not the
    one where a first token comes soonest.

    Args:
        replicas: number of replicas.
        work: tokens that a sample may cost.
        weight: how many times its work a query counts on top, until its first token is out.
    """

    def __init__(self, replicas: int, work: Work, weight: int = PREFILL_WEIGHT):
        super().__init__(replicas, work)
        self._weight = weight
        self._waiting: list[dict[int, int]] = [{} for _ in range(replicas)]

    def _put(self, replica: int, query: Query) -> None:
        super()._put(replica, query)
        extra = self._weight * self._work(query[1])
        self._outstanding[replica] += extra
        self._waiting[replica][query[0]] = extra

    def first(self, replica: int, seqs: Iterable[int]) -> None:
        """From here on they count for their work alone."""
        waiting = self._waiting[replica]
        self._outstanding[replica] -= sum(waiting.pop(seq, 0) for seq in seqs)

    def ended(self, replica: int, queries: Iterable[Query]) -> None:
        """Take all of it off; one that failed may never have had a first token."""
        ended = list(queries)
        self.first(replica, [seq for seq, _ in ended])
        super().ended(replica, ended)


ON_ARRIVAL: Mapping[str, Callable[[int, Work], Dispatch]] = MappingProxyType(
    {
        "tokens": LeastWork,
        "prefill-weighted": PrefillWeighted,
        "equal": lambda replicas, _: Equal(replicas),
    }
)
"""Name in `engine.ray.dispatch` → how queries are shared out that come one by one."""
AUTO = "tokens"
"""What `auto` means there."""


def policy_of(
    name: str,
    *,
    throughput_first: bool,
    replicas: int,
    window: int | None,
    work: Work,
) -> Dispatch:
    """The policy of `engine.ray.dispatch` for one run.

    Args:
        name: a key of `ON_ARRIVAL`, or `auto`.
        throughput_first: as in Offline, where only the whole counts.
        replicas: number of replicas.
        window: samples that one replica's engine works on at a time; None: it has no bound.
        work: tokens that a sample may cost, by its index.
    """
    if throughput_first and name != "equal":
        return Pull(replicas, window or WINDOW)
    return ON_ARRIVAL[AUTO if name == "auto" else name](replicas, work)


def longest_first(
    queries: Sequence[Query], prompt_tokens: npt.NDArray[np.int64], block: int
) -> list[Query]:
    """Sort by falling prompt length inside each block of the issued order.

    The rules allow reordering in Offline, but for LLMs never across the boundary of one copy
    of the data set (inference_rules.adoc 8.2), which is `block` samples long.
    """
    ordered: list[Query] = []
    for start in range(0, len(queries), block):
        part = queries[start : start + block]
        ordered += sorted(part, key=lambda query: -int(prompt_tokens[query[1]]))
    return ordered
