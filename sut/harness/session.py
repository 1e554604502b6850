"""The straight line of a benchmark: data set, engine, warm-up, LoadGen, result.

Everything that is started is on one ExitStack, so it is stopped whatever happens.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.engines.base import Engine, EngineRequest
from sut.engines.factory import make_engine
from sut.errors import FULL, EngineStartError, HarnessError, LogError, no_space
from sut.harness.after_run import evaluate_runs
from sut.harness.facts import (
    agreed_sha256,
    cards_before,
    engine_facts,
    notes,
    write_config,
    write_session,
)
from sut.harness.host import EngineHost
from sut.harness.loadgen_run import LiveSession, make_run, run_spec
from sut.harness.reuse_probe import probe_reuse
from sut.harness.warmup import warm_up
from sut.inputs.fit import fitted
from sut.inputs.inputs import Inputs, load_inputs
from sut.inputs.variables import planned_variables, require_declared
from sut.inputs.weights import weights_sha256
from sut.machine.signals import first_ends_the_run, ignore_further
from sut.plan.run_id import RunId
from sut.plan.run_plan import RunPlan, plan_runs, read_audit_configs
from sut.record.answer import bounds_of
from sut.record.facts import EngineFacts, ProbeFacts, WarmupFacts
from sut.record.folder import SessionDir, unwritable, write_atomic
from sut.record.manifest import close_session
from sut.record.nodes import cards_here
from sut.record.session import read_session, session_of_run
from sut.report.compliance.build import write_compliance
from sut.report.compliance.evidence import view_of
from sut.report.page.build import write_report
from sut.report.summary import summary_text
from sut.result.build import result_json, result_of
from sut.result.queries import write_queries
from sut.result.schema import Result

CLOSE_TIMEOUT_S = 60.0

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

    Args:
        loaded: the configuration.
        console: for progress.
        gate: what each LoadGen run waits for; None: nothing.

    Raises:
        ConfigError, DatasetError: before anything was started.
        EngineStartError: the engine did not become ready; the session's folder holds its log.
    """
    config = loaded.config
    read_audit_configs(config)  # before weights are fetched
    if not config.engine.elsewhere:  # else each replica looks where it starts
        require_declared(config, os.environ)
    inputs = load_inputs(config, weights=not config.engine.elsewhere)
    loaded = fitted(loaded, inputs)
    config = loaded.config
    plans = plan_runs(config, load_round(config.round), inputs.dataset.count, loaded.origins)
    for note in notes(config, Path.cwd()):
        console.print(f"Note: {note}.", highlight=False)
    session = _new_session(config)
    with _space_left(session):
        write_config(session, config, loaded.origins)
        console.print(f"Run directory: {session.root}", highlight=False, soft_wrap=True)
        with first_ends_the_run():
            interrupted = _measure(config, inputs, plans, session, console, gate)
            close_session(session, read_session(session.root).facts.session_id)
            return Outcome(write_result(session, console), session, interrupted)


@contextmanager
def _space_left(session: SessionDir) -> Iterator[None]:
    """Say of a full disk whose it is: the error itself may not name a file."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise no_space(error, session.root) from error


def _new_session(config: RunConfig) -> SessionDir:
    try:
        return SessionDir.create(config.results_dir, config.node_name)
    except OSError as error:
        raise unwritable(config.results_dir, error) from error


def _measure(
    config: RunConfig,
    inputs: Inputs,
    plans: Sequence[RunPlan],
    session: SessionDir,
    console: Console,
    gate: Gate | None,
) -> bool:
    """Everything that needs the engine; return whether it was interrupted.

    When this returns the engine is stopped, and no signal keeps the result from being written.
    """
    with ExitStack() as stack:
        host, before = stack.enter_context(EngineHost()), cards_before(config)
        engine, facts = _start_engine(stack, host, config, inputs, session, console)
        warmup = _warm_up(host, engine, config, inputs, console)
        ready = warmup.succeeded == warmup.requested
        probe = _probe(host, engine, inputs, facts.replicas, config, console) if ready else None
        written = write_session(session, config, inputs, facts, warmup, probe, before)
        live = LiveSession(
            config=config,
            of_run=session_of_run(session, written.session_id),
            host=host,
            engine=engine,
            dataset=inputs.dataset,
            prompt_tokens=np.diff(inputs.dataset.prompts.offsets),
            directory=session,
            console=console,
            cards=cards_here(written.hardware, facts),
        )
        interrupted = _make_runs(live, plans, gate)
        ignore_further()
    return interrupted


def _start_engine(
    stack: ExitStack,
    host: EngineHost,
    config: RunConfig,
    inputs: Inputs,
    session: SessionDir,
    console: Console,
) -> tuple[Engine, EngineFacts]:
    """Start the engine and have it stopped by the stack; hash the weights meanwhile."""
    longest = inputs.longest_prompt + config.generation.max_tokens
    request = EngineRequest(
        config=config,
        model_path=inputs.model_path,
        context_tokens=config.engine.planned().context_tokens or longest,
        log=session.engine_log,
        dataset_sha256=inputs.dataset.sha256,
    )
    engine = make_engine(request)
    stack.callback(_close, host, engine, console)
    console.print(
        f"Starting engine {config.engine.kind} with {config.model.name} "
        f"(context of {request.context_tokens} tokens) …",
        highlight=False,
    )
    started = time.monotonic()
    hashing = host.start(asyncio.to_thread(weights_sha256, inputs.model_path))
    try:
        info = host.call(engine.start())
    except EngineStartError:
        write_session(session, config, inputs, None, None)
        raise
    start_s = time.monotonic() - started
    console.print(f"Engine ready after {start_s:.0f} s.", highlight=False)
    model_sha256 = agreed_sha256(info, hashing.result())
    planned = planned_variables(config, os.environ)
    facts = engine_facts(info, start_s, inputs.model_path, model_sha256, planned=planned)
    return engine, facts


def _close(host: EngineHost, engine: Engine, console: Console) -> None:
    """Stop the engine; one that will not stop must not cost the result."""
    try:
        host.call(engine.close(), CLOSE_TIMEOUT_S)
    except TimeoutError:
        console.print(f"The engine did not stop within {CLOSE_TIMEOUT_S:g} s.", highlight=False)


def _warm_up(
    host: EngineHost, engine: Engine, config: RunConfig, inputs: Inputs, console: Console
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
    console.print(
        f"Warm-up: {facts.succeeded} of {facts.requested} answered in {facts.duration_s:.1f} s.",
        highlight=False,
    )
    return facts


def _probe(
    host: EngineHost,
    engine: Engine,
    inputs: Inputs,
    replicas: int,
    config: RunConfig,
    console: Console,
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
    console.print(f"Reuse probe: {reused} of the tokens asked twice were reused.", highlight=False)
    return facts


def _make_runs(live: LiveSession, plans: Sequence[RunPlan], gate: Gate | None) -> bool:
    """Every LoadGen run in order, none on a dead engine; return whether it was interrupted."""
    try:
        for number, plan in enumerate(plans, 1):
            if gate is not None:
                gate(plan.run)
            facts = make_run(live, plan, number)
            if facts.interrupted or facts.engine_failure:
                return facts.interrupted
    except KeyboardInterrupt:
        # Between two runs: what the earlier ones measured is on disk.
        return True
    return False


def _say(console: Console | None, text: str) -> None:
    if console is not None:
        console.print(text, highlight=False, soft_wrap=True)


def write_result(session: SessionDir, console: Console | None = None) -> Result:
    """Build per-query tables, evaluations and the result from the session's files; publish."""
    record = read_session(session.root)
    for run in record.runs:
        # A table that cannot be made must not cost the result.
        with suppress(LogError, OSError):
            write_queries(
                run.folder.ledger, run.folder.root / "mlperf_log_trace.json", run.folder.queries
            )
    record = evaluate_runs(record, partial(_say, console))
    result = result_of(record)
    write_atomic(session.result, result_json(result))
    write_atomic(session.summary, summary_text(result))
    with suppress(HarnessError):  # a page that cannot be made must not cost the result
        write_compliance(view_of(record, result))
    with suppress(HarnessError, OSError):
        write_report(result, record)
    session.publish()
    return result
