from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from sut.config.schema import NullConfig
from sut.engines.base import Event, EventSink, Failed, Finished, RunSpec
from sut.engines.null import NullEngine
from sut.harness.warmup import warm_up
from sut.record.answer import AnswerBounds
from sut.record.facts import WarmupFacts

SPEC = RunSpec(0, max_tokens=8, min_tokens=1, reports_first_token=False, throughput_first=True)
BOUNDS = AnswerBounds(max_tokens=8, min_tokens=1, end_ids=frozenset({2}))
PROMPTS = [np.array([1, 2, 3], np.int32)] * 3


class Scripted(NullEngine):
    """Answers each query with what the script makes of its number."""

    def __init__(self, script: Callable[[int], Event | None]):
        super().__init__(NullConfig(), [2])
        self._script = script
        self._told: EventSink | None = None

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        self._told = sink

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        assert self._told is not None
        made = [self._script(seq) for seq in range(first_seq, first_seq + len(indices))]
        self._told([event for event in made if event is not None])


def warmed(engine: Any, timeout_s: float = 600.0) -> WarmupFacts:
    return asyncio.run(warm_up(engine, PROMPTS, SPEC, BOUNDS, timeout_s))


def test_every_prompt_is_answered() -> None:
    facts = warmed(NullEngine(NullConfig(tokens=4), [2]))
    assert (facts.requested, facts.succeeded, facts.failures) == (3, 3, [])


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (lambda seq: Failed(seq, "out of memory"), "out of memory"),
        (lambda seq: Finished(seq, b"", "stop"), "the engine returned no token"),
        (
            lambda seq: Finished(seq, b"\5\0\0\0", "stop"),
            "it stopped without an end-of-sequence id",
        ),
    ],
)
def test_an_answer_that_is_none_is_a_failure_and_not_waited_for(
    event: Callable[[int], Event], reason: str
) -> None:
    facts = warmed(Scripted(event))
    assert (facts.succeeded, facts.failures) == (0, [reason] * 3)


def test_silence_ends_at_the_deadline() -> None:
    facts = warmed(Scripted(lambda seq: None), timeout_s=0.01)
    assert facts.failures == ["no answer within 0.01 s"] * 3
