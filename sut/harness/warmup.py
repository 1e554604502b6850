"""A few queries before LoadGen's clock starts, on prompts outside the data set.

They make the engine allocate, compile and page in what the first real queries would
otherwise wait for; each must be answered, or the run is not VALID. They appear in the
result apart and in no statistic.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from sut.engines.base import Engine, Event, RunSpec, TokenIds
from sut.harness.ledger import Ledger, State
from sut.record.answer import AnswerBounds
from sut.record.facts import WarmupFacts


async def warm_up(
    engine: Engine,
    prompts: Sequence[TokenIds],
    spec: RunSpec,
    bounds: AnswerBounds,
    timeout_s: float,
) -> WarmupFacts:
    """Answer every prompt once; a failure is reported, not raised.

    The prompts get negative sample indices, which LoadGen can never ask for.
    """
    ledger = Ledger(reports_first_token=spec.reports_first_token, bounds=bounds)
    ledger.issue(0, range(len(prompts)), time.monotonic_ns())
    ended = asyncio.Event()

    def sink(events: Sequence[Event]) -> None:
        ledger.apply(events, time.monotonic_ns())
        if not ledger.outstanding:
            ended.set()

    indices = [-1 - position for position in range(len(prompts))]
    started = time.monotonic()
    await engine.load_samples(dict(zip(indices, prompts, strict=True)))
    engine.begin_run(spec, sink)
    if prompts:
        engine.submit(0, indices)
        try:
            await asyncio.wait_for(ended.wait(), timeout_s)
        except TimeoutError:
            ledger.fail_outstanding(f"no answer within {timeout_s:g} s", time.monotonic_ns())
            await engine.cancel()
    await engine.unload_samples(indices)
    return WarmupFacts(
        requested=len(prompts),
        succeeded=ledger.ended - ledger.count[State.FAILED],
        duration_s=time.monotonic() - started,
        failures=list(ledger.failure.values()),
    )
