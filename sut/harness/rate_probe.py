"""How many queries a second the engine does, before LoadGen's clock: for each `target_qps: auto`.

First as many prompts as the engine works on at once, together: Offline can be expected to do as
much. Then Poisson arrivals at a share of it, and at lower ones until first token, tokens and whole
answers stay well below their limits: that is Server's rate. The prompts are drawn, with the
lengths of the data set, so that no sample of it is met before its time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

import numpy as np

from sut import metrics
from sut.config.names import Scenario
from sut.config.scenario_sections import ServerConfig
from sut.config.schema import RunConfig
from sut.engines.base import PROBE_RUN, Engine, Event, RunSpec, TokenIds
from sut.harness.ledger import Ledger, State
from sut.harness.loadgen_run import run_spec
from sut.record.answer import AnswerBounds, bounds_of
from sut.record.facts import RateProbeFacts, RateStep

NS_PER_S, NS_PER_MS, MS_PER_S = 1e9, 1e6, 1e3
AT_ONCE, AT_ONCE_MOST = 64, 256
"""Prompts asked together of an engine that does not say how many it works on; and at most."""

BURST_S, BATCHED, AT_ONCE_LEAST = 30.0, 4.0, 8
"""A slow machine is asked for fewer: as many as take about 30 s if it is, with its batch full, four
times as fast as in the warm-up."""

OFFLINE_TIMES = 1.5
"""Offline's query is sized for so many times the rate measured.

LoadGen adds a tenth. So the run fills its minimum duration on a machine that is, during the run, up
to 1.65 times as fast as during the probe: quiet after all, or quicker with a batch always full.
"""
SHARES = (0.7, 0.45, 0.25, 0.1)
"""Of that rate, Server's: queues grow without bound near 1, and an answer must be in time."""
IN_TIME, IN_TIME_OF_BRIEF = 0.8, 0.6
"""Of a limit, what a percentile may be in a step that shows enough, and in one that does not.

On a slow machine a step has seven queries. There 71 ms a token of 100 became 117 ms in a run of 89.
"""
STEP_QUERIES = 30
STEP_LEAST_S, STEP_MOST_S = 8.0, 15.0
ANSWER_TIMES = 2.0
"""A step is to last so many of its longest answers: as many queries are under way as will be then.

With a core kept busy an answer took 9.8 s of a step's 15: its 294 ms a token became 571 in a run.
"""
OWN_PERCENTILE = 100.0


@dataclass(frozen=True)
class Probe:
    """What the rates are measured with.

    Attributes:
        engine: warm; all is asked on its loop.
        prompts: outside the data set, of its lengths.
        first_index: sample index of the first, negative; the next ones are below it.
        config: of the session.
        replicas: engines behind it.
        warmup_qps: prompts a second of the warm-up; None: there was none.
    """

    engine: Engine
    prompts: Sequence[TokenIds]
    first_index: int
    config: RunConfig
    replicas: int
    warmup_qps: float | None = None

    @property
    def at_once(self) -> int:
        """Prompts that are asked together."""
        each = min(self.config.engine.planned().max_batch_sequences or AT_ONCE, AT_ONCE_MOST)
        count = each * self.replicas
        if self.warmup_qps is None:
            return count
        return min(count, max(int(BURST_S * BATCHED * self.warmup_qps), AT_ONCE_LEAST))


async def probe_rates(probe: Probe, scenarios: Sequence[Scenario]) -> RateProbeFacts:
    """Measure; a failure is reported, not raised.

    Args:
        probe: what with.
        scenarios: whose rates are wanted.
    """
    indices = [probe.first_index - place for place in range(len(probe.prompts))]
    await probe.engine.load_samples(dict(zip(indices, probe.prompts, strict=True)))
    asker = _Asker(probe.engine, bounds_of(probe.config), indices, probe.config.warmup.timeout_s)
    try:
        return await _measured(asker, probe, scenarios)
    finally:
        await probe.engine.unload_samples(indices)


async def _measured(asker: _Asker, probe: Probe, scenarios: Sequence[Scenario]) -> RateProbeFacts:
    config, count = probe.config, probe.at_once
    started = time.monotonic()
    ledger = await asker.ask(run_spec(config, Scenario.OFFLINE, run=0), np.zeros(count))
    facts = RateProbeFacts(samples=count, duration_s=time.monotonic() - started)
    failed = _failure(ledger)
    if failed is not None:
        return facts.model_copy(update={"failure": failed})
    rate = facts.samples / facts.duration_s
    steps: list[RateStep] = []
    for scenario in scenarios:
        if scenario is Scenario.OFFLINE:
            continue
        for share in SHARES:
            step = await _step(asker, config, scenario, share * rate, facts.duration_s)
            steps.append(step)
            if step.held:
                break
    return facts.model_copy(update={"steps": steps})


async def _step(
    asker: _Asker, config: RunConfig, scenario: Scenario, qps: float, batch_s: float
) -> RateStep:
    """Poisson arrivals at one rate, as long as a full batch took, so that a queue shows."""
    limits = config.latency_rules(scenario)
    lasts_s = min(max(STEP_QUERIES / qps, STEP_LEAST_S, batch_s), STEP_MOST_S)
    count = max(int(lasts_s * qps), 2)
    ledger = await asker.ask(run_spec(config, scenario, run=0), arrivals_s(qps, count))
    return _held(ledger, scenario, qps, limits)


def arrivals_s(qps: float, count: int) -> np.ndarray:
    """When each query comes, s: the first at once, the last within the longest step.

    Two queries of a machine that does one a minute would else be waited for in minutes of nothing.
    """
    gaps = np.random.Generator(np.random.PCG64(4)).exponential(1 / qps, count)
    at_s: np.ndarray = np.cumsum(gaps) - gaps[0]
    at_s *= min(1.0, STEP_MOST_S / float(at_s[-1]))
    return at_s


def _held(ledger: Ledger, scenario: Scenario, qps: float, limits: ServerConfig) -> RateStep:
    issued, first, done = (
        np.array(each, np.int64)
        for each in (ledger.issued_ns, ledger.first_token_ns, ledger.done_ns)
    )
    tokens = np.array(ledger.tokens_out, np.int64)
    several = tokens > 1
    ttft_ns, latency_ns = first - issued, done - issued
    tpot_ns = (done - first)[several] // (tokens[several] - 1)
    at = limits.latency_percentile
    ttft_ms, latency_ms = _percentile_ms(ttft_ns, at), _percentile_ms(latency_ns, OWN_PERCENTILE)
    tpot_ms = _percentile_ms(tpot_ns, at) if len(tpot_ns) else None
    most = limits.e2e_p99_limit_ms
    in_time = IN_TIME if shows_enough(ledger.issued, qps, latency_ms) else IN_TIME_OF_BRIEF
    held = (
        _failure(ledger) is None
        and ttft_ms <= in_time * limits.ttft_limit_ms
        and (tpot_ms or 0.0) <= in_time * limits.tpot_limit_ms
        and (most is None or latency_ms <= in_time * most)
    )
    return RateStep(
        scenario=scenario.value,
        qps=qps,
        queries=ledger.issued,
        ttft_ms=ttft_ms,
        tpot_ms=tpot_ms,
        latency_ms=latency_ms,
        held=held,
    )


def shows_enough(queries: int, qps: float, latency_ms: float) -> bool:
    """Whether a step of so many queries, by its longest answer, is like a whole run at its rate."""
    lasted_ms = queries / qps * MS_PER_S
    return queries >= STEP_QUERIES and lasted_ms >= ANSWER_TIMES * latency_ms


def _percentile_ms(times_ns: metrics.Nanoseconds, percentile: float) -> float:
    """The percentile, as LoadGen takes it; at 100 the largest."""
    ascending = np.sort(times_ns)
    if percentile >= OWN_PERCENTILE:
        return float(ascending[-1]) / NS_PER_MS
    return metrics.percentile_ns(ascending, percentile) / NS_PER_MS


def _failure(ledger: Ledger) -> str | None:
    """Why an answer is missing; None: none is."""
    if not ledger.count[State.FAILED]:
        return None
    return next(iter(ledger.failure.values()))


@dataclass
class _Asker:
    """Asks prompts at given times, and waits for all their answers."""

    engine: Engine
    bounds: AnswerBounds
    indices: Sequence[int]
    timeout_s: float
    _run: int = field(default=PROBE_RUN)

    async def ask(self, spec: RunSpec, at_s: np.ndarray) -> Ledger:
        """One query at each of these times, seconds from now and ascending; what became of them."""
        self._run -= 1  # what an earlier call left must not be taken for an answer
        spec = replace(spec, run=self._run)
        ledger = Ledger(reports_first_token=spec.reports_first_token, bounds=self.bounds)
        ended = asyncio.Event()

        def sink(events: Sequence[Event]) -> None:
            ledger.apply(events, time.monotonic_ns())
            if ledger.ended == len(at_s):
                ended.set()

        self.engine.begin_run(spec, sink)
        asked = list(islice(cycle(self.indices), len(at_s)))
        try:
            async with asyncio.timeout(self.timeout_s):
                await self._submit(ledger, asked, at_s)
                await ended.wait()
        except TimeoutError:
            ledger.fail_outstanding(f"no answer within {self.timeout_s:g} s", time.monotonic_ns())
            await self.engine.cancel()
        return ledger

    async def _submit(self, ledger: Ledger, asked: Sequence[int], at_s: np.ndarray) -> None:
        """Hand over what is due, together, and sleep until the next is."""
        loop = asyncio.get_running_loop()
        begun, given = loop.time(), 0
        while given < len(asked):
            due = max(int(np.searchsorted(at_s, loop.time() - begun, side="right")), given)
            if due > given:
                ledger.issue(given, range(given, due), time.monotonic_ns())
                self.engine.submit(given, asked[given:due])
                given = due
                continue
            await asyncio.sleep(begun + float(at_s[given]) - loop.time())
