"""A discrete-event simulation of a whole run: arrivals, dispatch over replicas, their steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sut.engines.ray.dispatch import Dispatch, longest_first
from sut.simulate.scheduler import Query, Replica, Stamps
from sut.simulate.step import BatchLimits, Floats, Ints, StepModel

NONE = -1


@dataclass(frozen=True)
class Workload:
    """What is asked, in the order of issue; an entry for each query.

    Attributes:
        issued_s: ascending.
        sample: its index in the data set.
        tokens_in, tokens_out: of prompt and answer, 1 or more.
    """

    issued_s: Floats
    sample: Ints
    tokens_in: Ints
    tokens_out: Ints

    def __len__(self) -> int:
        return len(self.issued_s)


@dataclass(frozen=True)
class StepTable:
    """The steps of one replica, an entry each; seconds, sequences, tokens."""

    start_s: Floats
    end_s: Floats
    decodes: Ints
    prefill_tokens: Ints


@dataclass(frozen=True)
class Trace:
    """What a simulation gives, an entry for each query.

    Attributes:
        entered_s: when it was in the queue.
        first_s, done_s: when its first token came, and its last.
        replica: the one that answered.
        first_step, last_step: of that replica, in which they were made.
        steps: of each replica.
    """

    entered_s: Floats
    first_s: Floats
    done_s: Floats
    replica: Ints
    first_step: Ints
    last_step: Ints
    steps: tuple[StepTable, ...]


def simulate(
    work: Workload,
    limits: BatchLimits,
    model: StepModel,
    dispatch: Dispatch,
    replicas: int,
    stamps: Stamps | None = None,
) -> Trace:
    """Answer every query of a workload.

    Args:
        work: what is asked.
        limits: of a step of each replica.
        model: how long a step takes, and how long a query is on its way.
        dispatch: who answers what; new, it remembers what it gave.
        replicas: how many engines.
        stamps: of a recorded run: a step ends when they say, where they do.
    """
    engines = [Replica(limits, model, stamps) for _ in range(replicas)]
    return _Simulation(work, model.entry_s, engines, dispatch).run()


class _Simulation:
    """One run under way. At one moment steps end before queries arrive, as a scheduler sees it."""

    def __init__(
        self,
        work: Workload,
        entry_s: float,
        engines: list[Replica],
        dispatch: Dispatch,
    ) -> None:
        self._dispatch = dispatch
        self._queries = [
            Query(seq, int(tokens_in), int(tokens_out))
            for seq, (tokens_in, tokens_out) in enumerate(
                zip(work.tokens_in, work.tokens_out, strict=True)
            )
        ]
        self._sample: list[int] = work.sample.tolist()
        self._arrives_s: list[float] = (work.issued_s + entry_s).tolist()
        self._replicas = engines
        self._ends_s: list[float | None] = [None] * len(engines)
        count = len(work)
        self._first_s, self._done_s = np.full(count, np.nan), np.full(count, np.nan)
        self._by, self._first_step, self._last_step = (
            np.full(count, NONE, np.int64) for _ in range(3)
        )

    def run(self) -> Trace:
        """To the end."""
        arrived, count = 0, len(self._queries)
        while True:
            ends = [(at, number) for number, at in enumerate(self._ends_s) if at is not None]
            next_end = min(ends, default=None)
            if arrived < count and (next_end is None or self._arrives_s[arrived] < next_end[0]):
                now_s, first = self._arrives_s[arrived], arrived
                while arrived < count and self._arrives_s[arrived] == now_s:
                    arrived += 1
                self._dispatch.offer([(seq, self._sample[seq]) for seq in range(first, arrived)])
            elif next_end is not None:
                now_s, number = next_end
                self._finish(number, now_s)
            else:
                return self._trace()
            self._begin(now_s)

    def _finish(self, number: int, now_s: float) -> None:
        replica = self._replicas[number]
        step = len(replica.steps.end_s) - 1
        ended = replica.finish()
        self._ends_s[number] = None
        for seq in ended.first:
            self._first_s[seq], self._first_step[seq], self._by[seq] = now_s, step, number
        for seq in ended.done:
            self._done_s[seq], self._last_step[seq] = now_s, step
        self._dispatch.first(number, ended.first)
        self._dispatch.ended(number, [(seq, self._sample[seq]) for seq in ended.done])

    def _begin(self, now_s: float) -> None:
        """Hand over what the policy gives, and start whoever is idle."""
        for number, replica in enumerate(self._replicas):
            given = self._dispatch.take(number)
            replica.add([self._queries[seq] for seq, _ in given])
            if self._ends_s[number] is None:
                self._ends_s[number] = replica.start(now_s)

    def _trace(self) -> Trace:
        tables = tuple(
            StepTable(
                np.array(each.steps.start_s, np.float64),
                np.array(each.steps.end_s, np.float64),
                np.array(each.steps.decodes, np.int64),
                np.array(each.steps.prefill_tokens, np.int64),
            )
            for each in self._replicas
        )
        return Trace(
            np.array(self._arrives_s, np.float64),
            self._first_s,
            self._done_s,
            self._by,
            self._first_step,
            self._last_step,
            tables,
        )


class AsRecorded:
    """A policy that gives each query to the replica that answered it in a recorded run.

    Args:
        replica: of each query, by its number.
        replicas: how many there are.
    """

    def __init__(self, replica: Sequence[int], replicas: int):
        self._replica = replica
        self._queues: list[list[tuple[int, int]]] = [[] for _ in range(replicas)]

    def offer(self, queries: Sequence[tuple[int, int]]) -> None:
        """Each to its own."""
        for query in queries:
            self._queues[self._replica[query[0]]].append(query)

    def take(self, replica: int) -> list[tuple[int, int]]:
        """Everything for it since it was last asked."""
        taken, self._queues[replica] = self._queues[replica], []
        return taken

    def first(self, replica: int, seqs: Iterable[int]) -> None:
        """Nothing to remember."""

    def ended(self, replica: int, queries: Iterable[tuple[int, int]]) -> None:
        """Nothing to remember."""

    def lost(self, replica: int) -> list[tuple[int, int]]:
        """A simulated replica is never lost."""
        return self.take(replica)


class LongestFirst:
    """A policy behind the sorting of `sut.engines.ray.dispatch.longest_first`.

    Args:
        policy: gets the sorted queries.
        lengths: tokens of each prompt, by sample index.
        block: queries of one copy of the data set.
    """

    def __init__(self, policy: Dispatch, lengths: Ints, block: int):
        self._policy, self._lengths, self._block = policy, lengths, block
        self.take, self.lost = policy.take, policy.lost
        self.first, self.ended = policy.first, policy.ended

    def offer(self, queries: Sequence[tuple[int, int]]) -> None:
        """Sorted."""
        self._policy.offer(longest_first(queries, self._lengths, self._block))
