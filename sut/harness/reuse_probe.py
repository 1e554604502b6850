"""The same prompts twice, before LoadGen's clock starts: whether an engine reuses its work.

A prompt as long as the data set's longest is asked, and then asked again at once. An engine that
kept its keys and values counts hits, and answers the second time after a fraction of the first. The
prompts are drawn, so that nothing can have met them before, and the answer is one token, so that
nearly all the time is the prompt's. What was found is recorded; `reuse-probe` of
`sut.rules.engine` judges it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sut.config.rounds import PREFIX_CACHE_HITS
from sut.engines.base import PROBE_RUN, Engine, Event, Failed, Finished, RunSpec, TokenIds
from sut.record.facts import ProbeFacts

# One token: what is asked about is the prompt's work.
SPEC = RunSpec(
    run=PROBE_RUN, max_tokens=1, min_tokens=1, reports_first_token=False, throughput_first=False
)


async def probe_reuse(
    engine: Engine,
    prompts: Sequence[TokenIds],
    *,
    first_index: int,
    replicas: int,
    timeout_s: float,
) -> ProbeFacts:
    """Ask each prompt and ask it again; a failure is reported, not raised.

    The first prompt is not measured: it meets what is compiled for prompts of this length.

    Args:
        engine: that answers, warm.
        prompts: all of one length, outside the data set.
        first_index: sample index of the first, negative; the next ones are below it.
        replicas: engines behind it; each prompt goes to all of them at once, so that each gets it.
        timeout_s: for all of it.
    """
    indices = [first_index - place for place in range(len(prompts))]
    await engine.load_samples(dict(zip(indices, prompts, strict=True)))
    before = await engine.stats()
    asker = _Asker(engine, replicas)
    try:
        async with asyncio.timeout(timeout_s):
            await asker.ask_all_twice(indices)
    except TimeoutError:
        asker.failures.append(f"no answer within {timeout_s:g} s")
        await engine.cancel()
    hits = _hits(before, await engine.stats())
    await engine.unload_samples(indices)
    return ProbeFacts(
        prompts=len(prompts) - 1,
        prompt_tokens=min(len(each) for each in prompts),
        replicas=len(asker.answered_always),
        first_s=asker.first_s,
        again_s=asker.again_s,
        hit_tokens=hits,
        failures=asker.failures,
    )


def _hits(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    return {
        name: value - before.get(name, 0.0)
        for name, value in after.items()
        if PREFIX_CACHE_HITS in name
    }


@dataclass
class _Asker:
    """Asks one prompt of every replica, and waits for all their answers."""

    engine: Engine
    replicas: int
    first_s: list[float] = field(default_factory=list)
    again_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    _seq: int = 0
    _open: int = 0
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: list[set[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.engine.begin_run(SPEC, self._sink)

    @property
    def answered_always(self) -> set[int]:
        """Replicas that answered every time that anything was asked."""
        return set.intersection(*self._answers) if self._answers else set()

    async def ask_all_twice(self, indices: Sequence[int]) -> None:
        """Each at once again, so that nothing has pushed it out; the first without a time."""
        await self._ask(indices[0])
        for index in indices[1:]:
            self.first_s.append(await self._ask(index))
            self.again_s.append(await self._ask(index))

    async def _ask(self, index: int) -> float:
        """Seconds until the last replica has answered."""
        self._open = self.replicas
        self._ended.clear()
        self._answers.append(set())
        started = time.monotonic()
        self.engine.submit(self._seq, [index] * self.replicas)
        self._seq += self.replicas
        await self._ended.wait()
        return time.monotonic() - started

    def _sink(self, events: Sequence[Event]) -> None:
        for event in events:
            if type(event) is Finished:
                self._answers[-1].add(event.replica)
            elif type(event) is Failed:
                self.failures.append(event.reason)
            self._open -= type(event) in (Finished, Failed)
        if self._open <= 0:
            self._ended.set()
