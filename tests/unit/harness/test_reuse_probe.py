"""The same prompts twice: every replica both times, and what the engine counted meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np

from sut.config.rounds import PREFIX_CACHE_HITS
from sut.config.schema import NullConfig
from sut.engines.base import Event, EventSink, Failed, Finished, RunSpec
from sut.engines.null import NullEngine
from sut.harness.reuse_probe import probe_reuse
from sut.record.facts import ProbeFacts

PROMPTS = [np.full(40, number, np.int32) for number in range(3)]


class Caching(NullEngine):
    """Replicas that take turns, each with a count of prompts that it met before."""

    def __init__(
        self, replicas: int = 1, *, answers: Callable[[int], Event | None] | None = None
    ) -> None:
        super().__init__(NullConfig(), [2])
        self.replicas, self.answers = replicas, answers
        self.asked: list[int] = []
        self.specs: list[RunSpec] = []
        self.hits: float | None = 0.0
        self.cancelled = False
        self._met: set[tuple[int, int]] = set()
        self._told: EventSink | None = None

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        self.specs.append(spec)
        self._told = sink

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        assert self._told is not None
        for seq, index in enumerate(indices, first_seq):
            assert index in self._loaded, "asked before it was loaded"
            self.asked.append(index)
            replica = seq % self.replicas
            if self.hits is not None and (replica, index) in self._met:
                self.hits += 32
            self._met.add((replica, index))
            event = Finished(seq, b"7777", "length", replica)
            made = event if self.answers is None else self.answers(seq)
            if made is not None:
                self._told([made])

    async def stats(self) -> dict[str, float]:
        found = {"requests_finished": 9.0}
        return found if self.hits is None else found | {PREFIX_CACHE_HITS: self.hits + 5}

    async def cancel(self) -> None:
        self.cancelled = True


def probed(engine: Caching, timeout_s: float = 60.0) -> ProbeFacts:
    made = probe_reuse(
        engine, PROMPTS, first_index=-4, replicas=engine.replicas, timeout_s=timeout_s
    )
    return asyncio.run(made)


def test_each_prompt_but_the_first_is_asked_and_at_once_asked_again() -> None:
    engine = Caching()
    facts = probed(engine)
    assert engine.asked == [-4, -5, -5, -6, -6]
    assert (facts.prompts, facts.prompt_tokens) == (2, 40)
    assert (len(facts.first_s), len(facts.again_s)) == (2, 2)
    assert facts.failures == []
    (spec,) = engine.specs
    assert spec.is_warmup
    assert spec.max_tokens == 1, "nearly all the time is the prompt's"
    assert not engine._loaded, "nothing of it is left in the engine"


def test_what_the_engine_counted_meanwhile_is_told() -> None:
    assert probed(Caching()).hit_tokens == {PREFIX_CACHE_HITS: 64.0}
    silent = Caching()
    silent.hits = None
    assert probed(silent).hit_tokens == {}


def test_every_replica_gets_every_prompt_both_times() -> None:
    engine = Caching(3)
    facts = probed(engine)
    assert facts.replicas == 3
    assert facts.hit_tokens == {PREFIX_CACHE_HITS: 2 * 3 * 32.0}


def test_a_replica_that_missed_one_does_not_count() -> None:
    engine = Caching(2, answers=lambda seq: Finished(seq, b"7777", "length", int(seq == 3)))
    assert probed(engine).replicas == 1


def test_a_failure_is_told_and_not_waited_for() -> None:
    engine = Caching(answers=lambda seq: Failed(seq, "out of memory"))
    facts = probed(engine)
    assert facts.failures == ["out of memory"] * 5
    assert facts.replicas == 0


def test_silence_ends_at_the_deadline() -> None:
    engine = Caching(answers=lambda seq: None)
    facts = probed(engine, timeout_s=0.01)
    assert facts.failures == ["no answer within 0.01 s"]
    assert engine.cancelled
    assert (facts.first_s, facts.again_s) == ([], [])
