"""vLLM's scheduler as one replica of a simulation has it; pure, with a clock that is given.

Source: vLLM 0.32, vllm/v1/core/sched/scheduler.py, Scheduler.schedule. Each step has a budget of
tokens. Running sequences come first: one token of each that decodes, then more of the prompts that
were begun. Then the waiting ones, first come, first served, while a sequence and a token are left.
A prompt that is read whole gives its first token at the end of that step.

Left out: the KV cache's end and preemption, priorities, what is cached of prefixes, and that with
async scheduling a step is put together while the one before still runs.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sut.simulate.step import BatchLimits, StepModel


@dataclass(frozen=True)
class Query:
    """What a query costs.

    Attributes:
        seq: its number in the run, from 0.
        tokens_in: of its prompt, 1 or more.
        tokens_out: of its answer, 1 or more.
    """

    seq: int
    tokens_in: int
    tokens_out: int


@dataclass
class _Reading:
    """A query whose prompt is not read whole yet."""

    query: Query
    left: int


@dataclass
class Steps:
    """The steps of one replica, by column: when they began and ended, and what was in them."""

    start_s: list[float] = field(default_factory=list)
    end_s: list[float] = field(default_factory=list)
    decodes: list[int] = field(default_factory=list)
    prefill_tokens: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Ended:
    """What the end of a step brought: queries with their first token, and those that are done."""

    first: tuple[int, ...]
    done: tuple[int, ...]


class Stamps(Protocol):
    """What a recorded run knows of when its steps ended."""

    def end_s(
        self, begun_s: float, foretold_s: float, first: Sequence[int], done: Sequence[int]
    ) -> float:
        """When a step ended that gave these queries their first token, and those their last."""
        ...


class Replica:
    """One engine: its queue, its batch, its steps.

    Args:
        limits: of a step.
        model: how long a step takes.
        stamps: what is known of when steps ended; None: nothing is.
    """

    def __init__(self, limits: BatchLimits, model: StepModel, stamps: Stamps | None = None):
        self._limits, self._model, self._stamps = limits, model, stamps
        # vLLM refuses fewer tokens than sequences: one that decodes must find its token.
        self._sequences = min(limits.sequences, limits.tokens)
        self._waiting: deque[_Reading] = deque()
        self._reading: list[_Reading] = []
        self._decoding: list[tuple[int, int]] = []  # (number of its last step, seq), a heap
        self._read: list[Query] = []
        self.steps = Steps()

    def add(self, queries: Sequence[Query]) -> None:
        """Put queries at the end of the queue."""
        self._waiting.extend(_Reading(query, query.tokens_in) for query in queries)

    def start(self, now_s: float) -> float | None:
        """Begin a step; return when it ends. None: there is nothing to do."""
        number = len(self.steps.end_s)
        decodes = len(self._decoding)
        budget = self._limits.tokens - decodes
        self._read = []
        prefill = 0
        for part, tokens in self._parts(budget):
            part.left -= tokens
            prefill += tokens
            if part.left == 0:
                self._read.append(part.query)
        self._reading = [each for each in self._reading if each.left]
        if not decodes and not prefill:
            return None
        end_s = now_s + self._model.step_s(decodes, prefill)
        if self._stamps is not None:
            ends = [seq for step, seq in self._decoding if step == number]
            end_s = self._stamps.end_s(now_s, end_s, [each.seq for each in self._read], ends)
        self.steps.start_s.append(now_s)
        self.steps.end_s.append(end_s)
        self.steps.decodes.append(decodes)
        self.steps.prefill_tokens.append(prefill)
        return end_s

    def _parts(self, budget: int) -> Iterator[tuple[_Reading, int]]:
        """The prompts that are read in this step, each with how many of its tokens."""
        for part in self._reading:
            if budget <= 0:
                return
            tokens = min(self._most(part), budget)
            budget -= tokens
            yield part, tokens
        while self._waiting and budget > 0:
            # A prompt that was read in this step still has its sequence.
            taken = len(self._reading) + len(self._decoding)
            part = self._waiting[0]
            if taken >= self._sequences:
                return
            tokens = self._most(part)
            if tokens > budget and not self._limits.chunked and self._fits(part):
                return
            tokens = min(tokens, budget)
            budget -= tokens
            self._reading.append(self._waiting.popleft())
            yield part, tokens

    def _most(self, part: _Reading) -> int:
        cap = self._limits.prefill_cap
        return min(part.left, cap) if cap > 0 else part.left

    def _fits(self, part: _Reading) -> bool:
        """Whether it will fit into a step of its own; else waiting would not help."""
        return self._most(part) <= self._limits.tokens

    def finish(self) -> Ended:
        """End the step that was begun last."""
        number = len(self.steps.end_s) - 1
        done = []
        while self._decoding and self._decoding[0][0] == number:
            done.append(heapq.heappop(self._decoding)[1])
        for query in self._read:
            if query.tokens_out > 1:
                heapq.heappush(self._decoding, (number + query.tokens_out - 1, query.seq))
            else:
                done.append(query.seq)
        return Ended(tuple(query.seq for query in self._read), tuple(done))
