"""An engine without a model: answers every query with a fixed number of tokens at a set pace.

Measures what the harness itself costs, and stands in for a model in tests. A result made
with it is labelled so and is never submission-grade.
"""

from __future__ import annotations

import asyncio
import contextlib
from array import array
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from itertools import count

from sut.config.engine_kinds import EngineKind
from sut.config.schema import NullConfig
from sut.engines.base import (
    Engine,
    EngineInfo,
    EngineRequest,
    Event,
    EventSink,
    Finished,
    FirstToken,
    RunReport,
    RunSpec,
    TokenIds,
)

TOKEN = 7


class NullEngine:
    """Answers after ttft_ms, then tpot_ms per further token; at once when both are 0.

    With `slots` so many queries at once, and the others in turn.

    Args:
        config: how long its answers are, and how long they take.
        end_ids: one of them is the last token of an answer that is not as long as it may be.
    """

    def __init__(self, config: NullConfig, end_ids: Collection[int]):
        self._config = config
        self._end_id = min(end_ids)
        self._token = next(each for each in count(TOKEN) if each not in end_ids)
        self._spec: RunSpec | None = None
        self._sink: EventSink | None = None
        self._answer = b""
        self._finish_reason = "stop"
        self._in_flight: set[asyncio.TimerHandle] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._answered = 0
        self._waiting: deque[int] = deque()
        self._taken = 0
        self._filling = False
        self._loaded: set[int] = set()

    async def start(self) -> EngineInfo:
        """Ready at once."""
        return EngineInfo(
            kind="null",
            replicas=1,
            arguments=self._config.model_dump(),
            sampling={},
            traits=self._config.planned(),
        )

    async def load_samples(self, samples: Mapping[int, TokenIds]) -> None:
        """Remember which samples may be asked for."""
        self._loaded.update(samples)

    async def unload_samples(self, indices: Sequence[int]) -> None:
        """Forget them."""
        self._loaded.difference_update(indices)

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        """Later queries belong to this run."""
        n_tokens = min(max(self._config.tokens, spec.min_tokens), spec.max_tokens)
        self._finish_reason = "length" if n_tokens == spec.max_tokens else "stop"
        tokens = array("i", [self._token] * n_tokens)
        if self._finish_reason == "stop":
            tokens[-1] = self._end_id
        self._answer = tokens.tobytes()
        self._spec, self._sink = spec, sink

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        """Answer, now or on a timer; one timer per batch and kind of event."""
        seqs = range(first_seq, first_seq + len(indices))
        if self._config.slots is None:
            self._answer_all(seqs)
        else:
            self._waiting.extend(seqs)
            self._fill_slots(self._config.slots)

    def _fill_slots(self, slots: int) -> None:
        if self._filling:
            return  # an answer without delay frees its slot inside the loop below
        self._filling = True
        while self._waiting and self._taken < slots:
            now = min(len(self._waiting), slots - self._taken)
            self._taken += now
            self._answer_all([self._waiting.popleft() for _ in range(now)])
        self._filling = False

    def _answer_all(self, seqs: Sequence[int]) -> None:
        n_tokens = len(self._answer) // 4
        first_s = self._config.ttft_ms / 1e3
        done_s = first_s + self._config.tpot_ms / 1e3 * (n_tokens - 1)
        if self._spec is not None and self._spec.reports_first_token:
            first = int.from_bytes(self._answer[:4], "little", signed=True)
            self._after(first_s, [FirstToken(seq, first) for seq in seqs])
        self._after(done_s, [Finished(seq, self._answer, self._finish_reason) for seq in seqs])

    def _after(self, delay_s: float, events: list[Event]) -> None:
        if delay_s == 0:
            self._deliver(events)
            return
        handle: asyncio.TimerHandle

        def fire() -> None:
            self._in_flight.discard(handle)
            self._deliver(events)
            if not self._in_flight:
                self._idle.set()

        handle = asyncio.get_running_loop().call_later(delay_s, fire)
        self._in_flight.add(handle)
        self._idle.clear()

    def _deliver(self, events: list[Event]) -> None:
        ended = sum(1 for event in events if type(event) is Finished)
        self._answered += ended
        if self._sink is not None:
            self._sink(events)
        if ended and self._config.slots is not None:
            self._taken -= ended
            self._fill_slots(self._config.slots)

    async def cancel(self) -> None:
        """Drop what is on a timer."""
        for handle in self._in_flight:
            handle.cancel()
        self._in_flight.clear()
        self._waiting.clear()
        self._taken = 0
        self._idle.set()

    async def drain(self, deadline_s: float) -> int:
        """Wait for the timers."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), deadline_s)
        return len(self._in_flight) + len(self._waiting)

    async def stats(self) -> dict[str, float]:
        """Answers given."""
        return {"requests_finished": float(self._answered)}

    def report(self) -> RunReport:
        """Nothing."""
        return RunReport()

    async def health(self) -> None:
        """Always healthy."""

    async def close(self) -> None:
        """Nothing to stop but timers."""
        await self.cancel()


def _make(request: EngineRequest) -> Engine:
    return NullEngine(request.config.engine.null, request.config.model.eos_token_ids)


KIND = EngineKind(NullConfig, _make)
