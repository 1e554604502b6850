"""The straight line of a benchmark: data set, engine, warm-up, LoadGen, result.

Everything that is started is on one ExitStack, so it is stopped whatever happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console

from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import FULL, EngineStartError, HarnessError, LogError, no_space
from sut.harness.after_run import evaluate_runs
from sut.harness.facts import BeforeTheClock, notes, write_config, write_session
from sut.harness.loadgen_run import LiveSession, make_run
from sut.harness.rates import notes_of, rates_of
from sut.harness.ready_engine import ReadyEngine, measure_rates, ready_engine
from sut.inputs.fit import fitted
from sut.inputs.inputs import Inputs, load_inputs
from sut.inputs.variables import require_declared
from sut.machine.signals import first_ends_the_run, ignore_further
from sut.plan.rate import probed, with_rates
from sut.plan.run_id import RunId
from sut.plan.run_plan import RunPlan, plan_runs, read_audit_configs
from sut.record.facts import SessionFacts
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
    plans_of(loaded, inputs)  # refuses what cannot be made before anything starts
    for note in notes(config, Path.cwd()):
        console.print(f"Note: {note}.", highlight=False)
    session = _new_session(config)
    with _space_left(session):
        if not probed(config, loaded.origins):  # else it is written once the rates are known
            write_config(session, config, loaded.origins)
        console.print(f"Run directory: {session.root}", highlight=False, soft_wrap=True)
        with first_ends_the_run():
            try:
                interrupted = _measure(loaded, inputs, session, console, gate)
            finally:
                if not session.config.exists():
                    write_config(session, config, loaded.origins)
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
    loaded: Loaded,
    inputs: Inputs,
    session: SessionDir,
    console: Console,
    gate: Gate | None,
) -> bool:
    """Everything that needs the engine; return whether it was interrupted.

    When this returns the engine is stopped, and no signal keeps the result from being written.
    """
    with ExitStack() as stack:
        try:
            ready = ready_engine(stack, loaded.config, inputs, session.engine_log, console)
        except EngineStartError:
            write_session(session, loaded.config, inputs, BeforeTheClock())
            raise
        loaded, before = settled(loaded, inputs, ready, console)
        if not session.config.exists():
            write_config(session, loaded.config, loaded.origins)
        written = write_session(session, loaded.config, inputs, before)
        live = live_session(written, loaded.config, inputs, ready, session, console)
        interrupted = _make_runs(live, plans_of(loaded, inputs), gate)
        ignore_further()
    return interrupted


def plans_of(loaded: Loaded, inputs: Inputs) -> tuple[RunPlan, ...]:
    """The LoadGen runs of a configuration over the data set that was loaded."""
    config = loaded.config
    return plan_runs(config, load_round(config.round), inputs.dataset.count, loaded.origins)


def live_session(
    written: SessionFacts,
    config: RunConfig,
    inputs: Inputs,
    ready: ReadyEngine,
    session: SessionDir,
    console: Console,
) -> LiveSession:
    """What the LoadGen runs of a session share; `written`: what `session.json` holds."""
    return LiveSession(
        config=config,
        of_run=session_of_run(session, written.session_id),
        host=ready.host,
        engine=ready.engine,
        dataset=inputs.dataset,
        prompt_tokens=np.diff(inputs.dataset.prompts.offsets),
        directory=session,
        console=console,
        cards=cards_here(written.hardware, ready.facts),
    )


def settled(
    loaded: Loaded, inputs: Inputs, ready: ReadyEngine, console: Console
) -> tuple[Loaded, BeforeTheClock]:
    """The configuration with every rate a number that LoadGen will get, and what it rests on."""
    wanted = probed(loaded.config, loaded.origins)
    if not wanted or not ready.warm:
        return loaded, ready.before
    facts = measure_rates(ready, loaded.config, inputs, wanted, console)
    rates = rates_of(facts, loaded.config, wanted)
    said = notes_of(facts, rates)
    for note in said:
        console.print(f"Rate probe: {note}.", highlight=False, soft_wrap=True)
    return with_rates(loaded, rates), replace(ready.before, rate_probe=facts, notes=said)


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


def write_result(
    session: SessionDir, console: Console | None = None, *, publish: bool = True
) -> Result:
    """Build per-query tables, evaluations and the result from the session's files.

    Args:
        session: its folder, closed.
        console: for what an evaluation has to say; None: nobody is told.
        publish: whether result and summary get the names that users look for, too.
    """
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
    if publish:
        session.publish()
    return result
