"""The straight line of a benchmark: data set, engine, warm-up, LoadGen, result.

Everything that is started is on one ExitStack, so it is stopped whatever happens.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from sut.config.model_files import local_folder
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.engines.base import Engine, EngineRequest
from sut.engines.factory import make_engine
from sut.errors import EngineStartError
from sut.harness.at_once import AtOnce, how_to_recover
from sut.harness.conclude import conclude
from sut.harness.events import tell
from sut.harness.facts import (
    agreed_sha256,
    cards_before,
    engine_facts,
    notes,
    write_config,
    write_session,
)
from sut.harness.host import EngineHost, begin_apart
from sut.harness.loadgen_run import LiveSession, make_run, run_spec
from sut.harness.phases import Phases
from sut.harness.reuse_probe import probe_reuse
from sut.harness.under_way import UnderWay, marked
from sut.harness.warmup import warm_up
from sut.inputs.fit import fitted
from sut.inputs.inputs import Inputs, load_inputs
from sut.inputs.variables import planned_variables, require_declared
from sut.inputs.weights import weights_sha256
from sut.machine.room import require_room
from sut.machine.signals import first_ends_the_run
from sut.plan.room import session_bytes
from sut.plan.run_id import RunId
from sut.plan.run_plan import RunPlan, plan_runs, read_audit_configs
from sut.record.answer import bounds_of
from sut.record.facts import EngineFacts, ProbeFacts, WarmupFacts
from sut.record.folder import SessionDir, unwritable
from sut.record.mark import cut_off
from sut.record.nodes import cards_here
from sut.record.session import session_of_run
from sut.result.schema import Result

CLOSE_TIMEOUT_S = 60.0
# A data set of the largest benchmark is read and tokenised in minutes.
READING_S = 3600.0
FETCHING_S = 12 * 3600.0
# Evaluating 13,368 answers takes minutes; reading a trace of some GB does, too.
WRITING_S = 2 * 3600.0

Gate = Callable[[RunId], None]
"""Called before each LoadGen run; returns when it may begin."""


@dataclass(frozen=True)
class Outcome:
    """What a call of the harness leaves behind."""

    result: Result
    session: SessionDir
    interrupted: bool


def run_benchmark(loaded: Loaded, console: Console, gate: Gate | None = None) -> Outcome:
    """Run every scenario of the configuration on one engine start; write and return the result.

    What ends the session before its time, once its engine was ready, ends in a result too.

    Args:
        loaded: the configuration.
        console: for progress.
        gate: what each LoadGen run waits for; None: nothing.

    Raises:
        ConfigError, DatasetError: before anything was started.
        EngineStartError: the engine did not become ready; the session's folder holds its log.
        RunError: nothing was measured, or no folder took the result.
    """
    end = AtOnce()
    # Behind a gate nobody sits who could ask twice; whoever opens it ends us by force.
    twice = end.by_signal if gate is None else None
    with first_ends_the_run(twice) as stops, Phases(end.by_deadline) as phases:
        with phases.phase("checking what is asked", inputs_limit_s(loaded.config)):
            loaded, inputs, plans = _checked(loaded)
            _say_notes(loaded.config, console)
            session = _new_session(loaded.config, session_bytes(loaded.config, plans))
        end.session = session.root
        tell(console, "session", folder=str(session.root))
        with marked(session, phases, lambda name: tell(console, "phase", name=name)):
            way = UnderWay(session, phases, stops, console)
            interrupted, ending = False, None
            try:
                interrupted = _measure(loaded, inputs, plans, way, gate)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it ends in a result, too
                ending = way.ending(error)
            stops.hold()
            with phases.phase("writing the result", WRITING_S):
                result, session = conclude(session, ending, way.say, way.kept)
        stopped = ending is not None and ending.stopped_by is not None
        return Outcome(result, session, interrupted or stopped)


def inputs_limit_s(config: RunConfig) -> float:
    """How long it may take to find model and data set; longer where the weights are fetched."""
    return READING_S if local_folder(config.model.path) is not None else FETCHING_S


def _checked(loaded: Loaded) -> tuple[Loaded, Inputs, Sequence[RunPlan]]:
    """All that can be refused before anything starts."""
    config = loaded.config
    read_audit_configs(config)  # before weights are fetched
    if not config.engine.elsewhere:  # else each replica looks where it starts
        require_declared(config, os.environ)
    inputs = load_inputs(config, weights=not config.engine.elsewhere)
    loaded = fitted(loaded, inputs)
    rules = load_round(loaded.config.round)
    return loaded, inputs, plan_runs(loaded.config, rules, inputs.dataset.count, loaded.origins)


def _say_notes(config: RunConfig, console: Console) -> None:
    for note in notes(config, Path.cwd()):
        console.print(f"Note: {note}.", highlight=False)
    for session in cut_off(config.results_dir):
        said = f"Note: {session} was cut off; this makes a result of it: {how_to_recover(session)}"
        console.print(said, highlight=False, soft_wrap=True)


def _new_session(config: RunConfig, needed: int) -> SessionDir:
    """Its folder, where there is room for so many bytes."""
    try:
        config.results_dir.mkdir(parents=True, exist_ok=True)
        require_room(config.results_dir, needed)
        return SessionDir.create(config.results_dir, config.node_name)
    except OSError as error:
        raise unwritable(config.results_dir, error) from error


def _measure(
    loaded: Loaded,
    inputs: Inputs,
    plans: Sequence[RunPlan],
    way: UnderWay,
    gate: Gate | None,
) -> bool:
    """Everything that needs the engine; return whether it was interrupted.

    When this returns the engine is stopped, and no signal keeps the result from being written.
    """
    config, session, phases = loaded.config, way.session, way.phases
    write_config(session, config, loaded.origins)
    way.say(f"Run directory: {session.root}")
    with ExitStack() as stack:
        host, before = stack.enter_context(EngineHost()), cards_before(config)
        engine, facts = _start_engine(stack, host, config, inputs, way)
        with phases.phase("warming up", 2 * (config.warmup.timeout_s + CLOSE_TIMEOUT_S)):
            warmup = _warm_up(host, engine, config, inputs, way)
            ready = warmup.succeeded == warmup.requested
            probe = _probe(host, engine, inputs, facts.replicas, config, way) if ready else None
            written = write_session(session, config, inputs, facts, warmup, probe, before)
        for path in (session.config, session.session_facts):
            way.kept[path] = path.read_bytes()
        live = LiveSession(
            config=config,
            of_run=session_of_run(session, written.session_id),
            host=host,
            engine=engine,
            dataset=inputs.dataset,
            prompt_tokens=np.diff(inputs.dataset.prompts.offsets),
            directory=session,
            console=way.console,
            kept=way.kept,
            cards=cards_here(written.hardware, facts),
        )
        interrupted = _make_runs(live, plans, phases, gate)
        way.stops.hold()
        phases.begin("stopping the engine")
    return interrupted


def _start_engine(
    stack: ExitStack, host: EngineHost, config: RunConfig, inputs: Inputs, way: UnderWay
) -> tuple[Engine, EngineFacts]:
    """Start the engine and have it stopped by the stack; hash the weights meanwhile."""
    longest = inputs.longest_prompt + config.generation.max_tokens
    request = EngineRequest(
        config=config,
        model_path=inputs.model_path,
        context_tokens=config.engine.planned().context_tokens or longest,
        log=way.session.engine_log,
        dataset_sha256=inputs.dataset.sha256,
    )
    engine, limit_s = make_engine(request), config.engine.start_timeout_s
    stack.callback(_close, host, engine, way)
    way.say(
        f"Starting engine {config.engine.kind} with {config.model.name} "
        f"(context of {request.context_tokens} tokens) …"
    )
    started = time.monotonic()
    hashing = begin_apart(partial(weights_sha256, inputs.model_path))
    try:
        # An engine keeps the limit itself, and knows best what to say then.
        with way.phases.phase("starting the engine", 2 * limit_s):
            info = host.call(engine.start())
    except EngineStartError:
        write_session(way.session, config, inputs, None, None)
        raise
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


def _warm_up(
    host: EngineHost, engine: Engine, config: RunConfig, inputs: Inputs, way: UnderWay
) -> WarmupFacts:
    spec, asked = run_spec(config, config.scenarios[0], run=0), len(inputs.warmup_prompts)
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


def _make_runs(
    live: LiveSession, plans: Sequence[RunPlan], phases: Phases, gate: Gate | None
) -> bool:
    """Every LoadGen run in order, none on a dead engine; return whether it was interrupted."""
    for number, plan in enumerate(plans, 1):
        if gate is not None:
            phases.begin("waiting for the other nodes")
            gate(plan.run)
        # Signs of life are watched here, of LoadGen and of the engine: no clock knows the end.
        phases.begin(f"running {plan.run}")
        facts = make_run(live, plan, number)
        if facts.interrupted or facts.engine_failure:
            return facts.interrupted
    return False
