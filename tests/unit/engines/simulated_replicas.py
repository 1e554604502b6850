"""Replicas that are simulated: each works in steps, prompts in parts beside answers under way.

A step takes a fixed time, plus some for each token of a prompt and for each answer in it, as a
card's does: prompts are worked out as fast as it computes, answers as fast as it reads weights.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sut.engines.ray.dispatch import Dispatch, Query

STEP_S, PROMPT_TOKEN_S, ANSWER_S = 0.010, 60e-6, 50e-6
TOKENS_IN_A_STEP, SEQUENCES = 1024, 64

Floats = npt.NDArray[np.float64]


@dataclass
class _Replica:
    waiting: deque[list[int]] = field(default_factory=deque)  # [seq, tokens of its prompt left]
    left: dict[int, int] = field(default_factory=dict)  # answer tokens still to come
    started: list[int] = field(default_factory=list)  # whose prompt ends with the step
    ends_s: float = np.inf

    def begin_step(self, now_s: float) -> None:
        """Fill a step; none begins without work."""
        room, prompts, self.started = TOKENS_IN_A_STEP - len(self.left), 0, []
        while self.waiting and room and len(self.left) + len(self.started) < SEQUENCES:
            first = self.waiting[0]
            part = min(room, first[1])
            first[1] -= part
            room, prompts = room - part, prompts + part
            if not first[1]:
                self.started.append(self.waiting.popleft()[0])
        busy = bool(prompts or self.left)
        takes_s = STEP_S + prompts * PROMPT_TOKEN_S + len(self.left) * ANSWER_S
        self.ends_s = now_s + takes_s if busy else np.inf


@dataclass(frozen=True)
class Times:
    """What each query took, seconds, by its sequence number."""

    ttft_s: Floats
    tpot_s: Floats


def simulate(
    policy: Dispatch,
    replicas: int,
    arrivals_s: Sequence[float],
    prompts: Sequence[int],
    answers: Sequence[int],
) -> Times:
    """One run under a policy; sample n is query n."""
    pool = [_Replica() for _ in range(replicas)]
    first_s, done_s = np.zeros(len(arrivals_s)), np.zeros(len(arrivals_s))
    coming = 0
    while True:
        arrives_s = arrivals_s[coming] if coming < len(arrivals_s) else np.inf
        number = min(range(replicas), key=lambda each: pool[each].ends_s)
        now_s = min(arrives_s, pool[number].ends_s)
        if now_s == np.inf:
            break
        if arrives_s <= pool[number].ends_s:
            policy.offer([(coming, coming)])
            coming += 1
        else:
            firsts, ended = _end_step(pool[number], answers)
            first_s[firsts], done_s[[seq for seq, _ in ended]] = now_s, now_s
            policy.first(number, firsts)
            policy.ended(number, ended)
            pool[number].ends_s = np.inf
        for each, replica in enumerate(pool):
            replica.waiting.extend([seq, prompts[index]] for seq, index in policy.take(each))
            if replica.ends_s == np.inf:
                replica.begin_step(now_s)
    tokens = np.array(answers)
    return Times(first_s - np.array(arrivals_s), (done_s - first_s) / np.maximum(tokens - 1, 1))


def _end_step(replica: _Replica, answers: Sequence[int]) -> tuple[list[int], list[Query]]:
    """First tokens, and queries that ended."""
    ended = []
    for seq in replica.left:
        replica.left[seq] -= 1
    for seq in replica.started:
        replica.left[seq] = answers[seq] - 1
    for seq in [seq for seq, left in replica.left.items() if not left]:
        del replica.left[seq]
        ended.append((seq, seq))
    return replica.started, ended
