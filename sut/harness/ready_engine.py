"""An engine that is ready for LoadGen: started, warmed up, asked whether it reuses its work."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.engines.base import Engine, EngineRequest, RunSpec
from sut.engines.factory import make_engine
from sut.errors import RunError
from sut.harness.facts import BeforeTheClock, Start, agreed_sha256, cards_before, engine_facts
from sut.harness.host import EngineHost, begin_apart
from sut.harness.loadgen_run import run_spec
from sut.harness.rate_probe import SHARES, Probe, probe_rates
from sut.harness.reuse_probe import probe_reuse
from sut.harness.under_way import UnderWay
from sut.harness.warmup import warm_up
from sut.inputs.inputs import Inputs
from sut.inputs.variables import planned_variables
from sut.inputs.weights import start_limit_s, weights_sha256
from sut.record.answer import bounds_of
from sut.record.facts import EngineFacts, ProbeFacts, RateProbeFacts, WarmupFacts

CLOSE_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class ReadyEngine:
    """One engine start and what was found before LoadGen's first clock.

    Attributes:
        host: the loop it lives on.
        engine: itself.
        facts: its own word.
        before: all that was found.
    """

    host: EngineHost
    engine: Engine
    facts: EngineFacts
    before: BeforeTheClock

    @property
    def warm(self) -> bool:
        """Whether every query of the warm-up was answered."""
        warmup = self.before.warmup
        return warmup is not None and warmup.succeeded == warmup.requested

    def require_warm(self, log: Path) -> None:
        """LoadGen is not begun on an engine whose runs could not be VALID.

        Args:
            log: what the engine prints.

        Raises:
            RunError: a query of the warm-up was not answered.
        """
        warmup = self.before.warmup
        if warmup is None or self.warm:
            return
        answered = f"{warmup.succeeded} of {warmup.requested} queries of the warm-up were answered"
        first = f"; the first that was not: {warmup.failures[0]}" if warmup.failures else ""
        raise RunError(
            f"{answered}{first}.",
            remedy=f"Look into {log}.",
        )


def ready_engine(
    stack: ExitStack, start: Start, config: RunConfig, inputs: Inputs, way: UnderWay
) -> ReadyEngine:
    """Start the engine and warm it up; the stack stops it.

    Args:
        stack: what ends with the engine.
        start: which start of the engine it is.
        config: as it is for the scenarios of this start.
        inputs: data set and weights.
        way: the session under way; the engine's log lies in its folder.

    Raises:
        EngineStartError: it did not become ready.
    """
    host, cards = stack.enter_context(EngineHost()), cards_before(config)
    log = way.session.log_of_start(start.number)
    engine, facts = _start_engine(stack, host, config, inputs, way, log)
    with way.phases.phase("warming up", 2 * (config.warmup.timeout_s + CLOSE_TIMEOUT_S)):
        spec = run_spec(config, start.scenarios[0], run=0)
        warmup = _warm_up(host, engine, config, inputs, way, spec)
        ready = warmup.succeeded == warmup.requested
        reuse = _probe(host, engine, inputs, facts.replicas, config, way) if ready else None
    before = BeforeTheClock(engine=facts, warmup=warmup, reuse_probe=reuse, cards=cards)
    return ReadyEngine(host, engine, facts, before)


def _start_engine(
    stack: ExitStack,
    host: EngineHost,
    config: RunConfig,
    inputs: Inputs,
    way: UnderWay,
    log: Path,
) -> tuple[Engine, EngineFacts]:
    """Start the engine and have it stopped by the stack; hash the weights meanwhile."""
    longest = inputs.longest_prompt + config.generation.max_tokens
    request = EngineRequest(
        config=config,
        model_path=inputs.model_path,
        context_tokens=config.engine.planned().context_tokens or longest,
        log=log,
        dataset_sha256=inputs.dataset.sha256,
    )
    engine, limit_s = make_engine(request), start_limit_s(config)
    stack.callback(_close, host, engine, way)
    way.say(
        f"Starting engine {config.engine.kind} with {config.model.name} "
        f"(context of {request.context_tokens} tokens) …"
    )
    started = time.monotonic()
    hashing = begin_apart(partial(weights_sha256, inputs.model_path))
    # An engine keeps the limit itself, and knows best what to say then.
    with way.phases.phase("starting the engine", 2 * limit_s):
        info = host.call(engine.start())
    start_s = time.monotonic() - started
    way.say(f"Engine ready after {start_s:.0f} s.")
    with way.phases.phase("reading the weights for their checksum", limit_s):
        model_sha256 = agreed_sha256(info, hashing.result())
    planned = planned_variables(config, os.environ)
    facts = engine_facts(info, start_s, inputs.model_path, model_sha256, planned=planned)
    return engine, facts


def _close(host: EngineHost, engine: Engine, way: UnderWay) -> None:
    """Stop the engine; one that will not stop must not cost the result."""
    try:
        host.call(engine.close(), CLOSE_TIMEOUT_S)
    except TimeoutError:
        way.say(f"The engine did not stop within {CLOSE_TIMEOUT_S:g} s.")
    except Exception as error:  # noqa: BLE001 - an engine may be of any package
        way.say(f"The engine did not stop as it should: {type(error).__name__}: {error}")


def _warm_up(
    host: EngineHost,
    engine: Engine,
    config: RunConfig,
    inputs: Inputs,
    way: UnderWay,
    spec: RunSpec,
) -> WarmupFacts:
    asked = len(inputs.warmup_prompts)
    limit_s = config.warmup.timeout_s + CLOSE_TIMEOUT_S
    try:
        asking = warm_up(
            engine, inputs.warmup_prompts, spec, bounds_of(config), config.warmup.timeout_s
        )
        facts = host.call(asking, limit_s)
    except TimeoutError:  # not even that it cannot answer
        facts = WarmupFacts(
            requested=asked, succeeded=0, duration_s=limit_s, failures=["the engine hangs"] * asked
        )
    way.say(
        f"Warm-up: {facts.succeeded} of {facts.requested} answered in {facts.duration_s:.1f} s."
    )
    return facts


def _probe(
    host: EngineHost,
    engine: Engine,
    inputs: Inputs,
    replicas: int,
    config: RunConfig,
    way: UnderWay,
) -> ProbeFacts | None:
    """Whether anything is reused; None where nobody asked, or the engine hangs."""
    if not inputs.probe_prompts:
        return None
    timeout_s = config.warmup.timeout_s
    asking = probe_reuse(
        engine,
        inputs.probe_prompts,
        first_index=-1 - len(inputs.warmup_prompts),
        replicas=replicas,
        timeout_s=timeout_s,
    )
    try:
        facts = host.call(asking, timeout_s + CLOSE_TIMEOUT_S)
    except TimeoutError:
        return None
    reused = ", ".join(f"{value:g}" for value in facts.hit_tokens.values()) or "an unknown number"
    way.say(f"Reuse probe: {reused} of the tokens asked twice were reused.")
    return facts


def measure_rates(
    ready: ReadyEngine,
    config: RunConfig,
    inputs: Inputs,
    scenarios: tuple[Scenario, ...],
    way: UnderWay,
) -> RateProbeFacts:
    """What the engine does in a second, for the scenarios whose rate is auto."""
    way.say("Rate probe: how many queries a second this machine does …")
    asked = len(inputs.warmup_prompts) + len(inputs.probe_prompts)
    warmup = ready.before.warmup
    probe = Probe(
        engine=ready.engine,
        prompts=inputs.rate_prompts,
        first_index=-1 - asked,
        config=config,
        replicas=ready.facts.replicas,
        warmup_qps=warmup.requested / warmup.duration_s if warmup and warmup.requested else None,
    )
    limit_s = len(SHARES) * config.warmup.timeout_s + CLOSE_TIMEOUT_S
    with way.phases.phase("measuring the rate", limit_s + CLOSE_TIMEOUT_S):
        try:
            return ready.host.call(probe_rates(probe, scenarios), limit_s)
        except TimeoutError:
            return RateProbeFacts(samples=0, duration_s=limit_s, failure="the engine hangs")
