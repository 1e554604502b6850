"""An engine as another package would bring it: one class and one registration.

It answers a few queries at a time, each after a set time, with tokens made of its prompt.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
from pydantic import Field, PositiveInt

from sut.config.engine_kinds import EngineKind
from sut.config.engine_traits import EngineOptions, EngineTraits
from sut.engines.base import (
    EngineInfo,
    EngineRequest,
    EventSink,
    Failed,
    Finished,
    FirstToken,
    RunReport,
    RunSpec,
    TokenIds,
)


class PacedOptions(EngineOptions):
    """Its settings: engine.options of a configuration."""

    pace_ms: float = Field(1.0, ge=0, description="time of each answer, ms")
    at_once: PositiveInt = Field(8, description="queries at a time")
    tokens: PositiveInt = Field(4, description="tokens of an answer at most")

    decides = MappingProxyType({"max_batch_sequences": "at_once"})

    def planned(self) -> EngineTraits:
        """It has no model, and says how many it takes at once."""
        return EngineTraits(
            package="paced-engine 1.0",
            weights="none",
            max_batch_sequences=self.at_once,
            cards_per_replica=0,
            batching=f"It answers {self.at_once} queries at a time.",
        )


class PacedEngine:
    """Answers at a pace.

    Args:
        options: its settings.
        end_ids: what may end an answer.
    """

    def __init__(self, options: PacedOptions, end_ids: Collection[int]):
        self._options = options
        self._end_ids = tuple(end_ids)
        self._prompts: dict[int, TokenIds] = {}
        self._slots = asyncio.Semaphore(options.at_once)
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered = 0
        self._spec: RunSpec | None = None
        self._sink: EventSink | None = None

    async def start(self) -> EngineInfo:
        """Ready at once."""
        options = self._options
        return EngineInfo("paced", 1, options.model_dump(), {}, options.planned())

    async def load_samples(self, samples: Mapping[int, TokenIds]) -> None:
        """Keep the prompts."""
        self._prompts.update(samples)

    async def unload_samples(self, indices: Sequence[int]) -> None:
        """Forget them."""
        for index in indices:
            self._prompts.pop(index, None)

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        """Later queries belong to this run."""
        self._spec, self._sink = spec, sink

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        """A task for each query."""
        for seq, index in enumerate(indices, first_seq):
            task = asyncio.ensure_future(self._answer(seq, index))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, seq: int, index: int) -> None:
        spec, sink = self._spec, self._sink
        assert spec is not None, "submit before begin_run"
        assert sink is not None, "submit after cancel"
        if index not in self._prompts:
            sink([Failed(seq, f"sample {index} was not loaded")])
            return
        async with self._slots:
            await asyncio.sleep(self._options.pace_ms / 1e3)
        count = min(self._options.tokens, spec.max_tokens)
        prompt = self._prompts[index].astype(np.int32)
        tokens = np.resize(prompt[~np.isin(prompt, self._end_ids)], count)
        reason = "length" if count == spec.max_tokens else "stop"
        if reason == "stop":
            tokens[-1] = self._end_ids[0]
        if spec.reports_first_token:
            sink([FirstToken(seq, int(tokens[0]))])
        self._answered += 1
        sink([Finished(seq, tokens.tobytes(), reason)])

    async def cancel(self) -> None:
        """Drop what is under way."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sink = None

    async def drain(self, deadline_s: float) -> int:
        """Wait for the answers."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline_s)
        return len(self._tasks)

    async def stats(self) -> dict[str, float]:
        """Answers given."""
        return {"requests_finished": float(self._answered)}

    def report(self) -> RunReport:
        """Nothing."""
        return RunReport()

    async def health(self) -> None:
        """Always healthy."""

    async def close(self) -> None:
        """Nothing to stop but answers."""
        await self.cancel()


def make(request: EngineRequest) -> PacedEngine:
    """The engine with the options of the configuration."""
    options = request.config.engine.own
    assert isinstance(options, PacedOptions)
    return PacedEngine(options, request.config.model.eos_token_ids)


KIND = EngineKind(PacedOptions, make)
