"""The straight line of a benchmark: data set, engine, warm-up, LoadGen, result.

Everything that is started is on one ExitStack, so it is stopped whatever happens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from sut.config.model_files import local_folder
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import EngineStartError
from sut.harness.at_once import AtOnce, how_to_recover
from sut.harness.conclude import conclude
from sut.harness.events import tell
from sut.harness.facts import BeforeTheClock, notes, write_config, write_session
from sut.harness.loadgen_run import LiveSession, make_run
from sut.harness.phases import Phases
from sut.harness.rates import notes_of, rates_of
from sut.harness.ready_engine import ReadyEngine, measure_rates, ready_engine
from sut.harness.under_way import UnderWay, marked
from sut.inputs.fit import fitted
from sut.inputs.inputs import Inputs, load_inputs
from sut.inputs.variables import require_declared
from sut.machine.room import require_room
from sut.machine.signals import first_ends_the_run
from sut.plan.rate import probed, with_rates
from sut.plan.room import session_bytes
from sut.plan.run_id import RunId
from sut.plan.run_plan import RunPlan, plan_runs, read_audit_configs
from sut.record.facts import SessionFacts
from sut.record.folder import SessionDir, unwritable
from sut.record.mark import cut_off
from sut.record.nodes import cards_here
from sut.record.session import session_of_run
from sut.result.schema import Result

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
            loaded, inputs, plans = all_checked(loaded)
            _say_notes(loaded.config, console)
            session = _new_session(loaded.config, session_bytes(loaded.config, plans))
        end.session = session.root
        tell(console, "session", folder=str(session.root))
        with marked(session, phases, lambda name: tell(console, "phase", name=name)):
            way = UnderWay(session, phases, stops, console)
            interrupted, ending = False, None
            try:
                interrupted = _measure(loaded, inputs, way, gate)
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


def all_checked(loaded: Loaded) -> tuple[Loaded, Inputs, Sequence[RunPlan]]:
    """All that can be refused before anything starts."""
    config = loaded.config
    read_audit_configs(config)  # before weights are fetched
    if not config.engine.elsewhere:  # else each replica looks where it starts
        require_declared(config, os.environ)
    inputs = load_inputs(config, weights=not config.engine.elsewhere)
    loaded = fitted(loaded, inputs)
    return loaded, inputs, plans_of(loaded, inputs)


def plans_of(loaded: Loaded, inputs: Inputs) -> tuple[RunPlan, ...]:
    """The LoadGen runs of a configuration over the data set that was loaded."""
    config = loaded.config
    return plan_runs(config, load_round(config.round), inputs.dataset.count, loaded.origins)


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


def _measure(loaded: Loaded, inputs: Inputs, way: UnderWay, gate: Gate | None) -> bool:
    """Everything that needs the engine; return whether it was interrupted.

    When this returns the engine is stopped, and no signal keeps the result from being written.
    """
    session = way.session
    way.say(f"Run directory: {session.root}")
    with ExitStack() as stack:
        try:
            if not probed(loaded.config, loaded.origins):  # else once the rates are known
                write_config(session, loaded.config, loaded.origins)
            try:
                ready = ready_engine(stack, loaded.config, inputs, way)
            except EngineStartError:
                write_session(session, loaded.config, inputs, BeforeTheClock())
                raise
            loaded, before = settled(loaded, inputs, ready, way)
        finally:
            if not session.config.exists():
                write_config(session, loaded.config, loaded.origins)
        written = write_session(session, loaded.config, inputs, before)
        for path in (session.config, session.session_facts):
            way.kept[path] = path.read_bytes()
        live = live_session(written, loaded.config, inputs, ready, way)
        interrupted = _make_runs(live, plans_of(loaded, inputs), way.phases, gate)
        way.stops.hold()
        way.phases.begin("stopping the engine")
    return interrupted


def live_session(
    written: SessionFacts, config: RunConfig, inputs: Inputs, ready: ReadyEngine, way: UnderWay
) -> LiveSession:
    """What the LoadGen runs of a session share; `written`: what `session.json` holds."""
    return LiveSession(
        config=config,
        of_run=session_of_run(way.session, written.session_id),
        host=ready.host,
        engine=ready.engine,
        dataset=inputs.dataset,
        prompt_tokens=np.diff(inputs.dataset.prompts.offsets),
        directory=way.session,
        console=way.console,
        kept=way.kept,
        cards=cards_here(written.hardware, ready.facts),
    )


def settled(
    loaded: Loaded, inputs: Inputs, ready: ReadyEngine, way: UnderWay
) -> tuple[Loaded, BeforeTheClock]:
    """The configuration with every rate a number that LoadGen will get, and what it rests on."""
    wanted = probed(loaded.config, loaded.origins)
    if not wanted or not ready.warm:
        return loaded, ready.before
    facts = measure_rates(ready, loaded.config, inputs, wanted, way)
    rates = rates_of(facts, loaded.config, wanted)
    said = notes_of(facts, rates)
    for note in said:
        way.say(f"Rate probe: {note}.")
    return with_rates(loaded, rates), replace(ready.before, rate_probe=facts, notes=said)


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
