"""A few queries before LoadGen's clock starts, on prompts outside the data set.

They make the engine allocate, compile and page in what the first real queries would
otherwise wait for; each must be answered, or the run is not VALID. They appear in the
result apart and in no statistic.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from sut.engines.base import Engine, Event, Failed, Finished, RunSpec, TokenIds
from sut.record.facts import WarmupFacts


async def warm_up(
    engine: Engine, prompts: Sequence[TokenIds], spec: RunSpec, timeout_s: float
) -> WarmupFacts:
    """Answer every prompt once; a failure is reported, not raised.

    The prompts get negative sample indices, which LoadGen can never ask for.
    """
    finished: list[int] = []
    failures: list[str] = []
    ended = asyncio.Event()

    def sink(events: Sequence[Event]) -> None:
        done = [event for event in events if type(event) is Finished]
        finished.extend(event.seq for event in done if event.tokens)
        failures.extend("the engine returned no token" for event in done if not event.tokens)
        failures.extend(event.reason for event in events if type(event) is Failed)
        if len(finished) + len(failures) >= len(prompts):
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
            missing = len(prompts) - len(finished) - len(failures)
            failures.extend([f"no answer within {timeout_s:g} s"] * missing)
            await engine.cancel()
    await engine.unload_samples(indices)
    return WarmupFacts(
        requested=len(prompts),
        succeeded=len(finished),
        duration_s=time.monotonic() - started,
        failures=failures,
    )
