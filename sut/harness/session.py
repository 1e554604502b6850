"""The straight line of a benchmark: data set, engine, warm-up, LoadGen, result.

Everything that is started is on one ExitStack, so it is stopped whatever happens.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from sut.config.model_files import local_folder
from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import EngineStartError
from sut.harness.at_once import AtOnce, how_to_recover
from sut.harness.conclude import conclude
from sut.harness.events import tell
from sut.harness.facts import BeforeTheClock, Start, notes, write_config, write_session
from sut.harness.loadgen_run import LiveSession, make_run
from sut.harness.phases import Phases
from sut.harness.rates import notes_of, rates_of
from sut.harness.ready_engine import ReadyEngine, measure_rates, ready_engine
from sut.harness.under_way import UnderWay, marked
from sut.inputs.card_room import require_card_room
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
    """What a call of the harness leaves behind.

    Attributes:
        interrupted: it ended before its time because somebody asked.
        asked_to_end: somebody asked, in time or when the runs were made already.
    """

    result: Result
    session: SessionDir
    interrupted: bool
    asked_to_end: bool = False


def run_benchmark(loaded: Loaded, console: Console, gate: Gate | None = None) -> Outcome:
    """Run every scenario of the configuration; write and return the result.

    Scenarios with equal settings of the engine share one start of it. Unequal ones have an engine
    each, one after the other. What ends the session before its time, once its first engine was
    ready, ends in a result too.

    Args:
        loaded: the configuration.
        console: for progress.
        gate: what each LoadGen run waits for; None: nothing.

    Raises:
        ConfigError, DatasetError: before anything was started.
        EngineStartError: the first engine did not become ready; the session's folder holds its log.
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
        return Outcome(result, session, interrupted or stopped, stops.by is not None)


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
    require_card_room(loaded.config, inputs)
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
    """Everything that needs an engine; return whether it was interrupted.

    When this returns no engine runs, and no signal keeps the result from being written.
    """
    way.say(f"Run directory: {way.session.root}")
    starts, session_id = loaded.config.engine_starts(), secrets.token_hex(16)
    for number, scenarios in enumerate(starts, 1):
        if len(starts) > 1:
            way.say(f"Engine {number} of {len(starts)}, for {', '.join(scenarios)}.")
        start = Start(number, scenarios, session_id)
        loaded, interrupted = _with_engine(loaded, start, inputs, way, gate)
        if interrupted:
            return True
    return False


def _with_engine(
    loaded: Loaded, start: Start, inputs: Inputs, way: UnderWay, gate: Gate | None
) -> tuple[Loaded, bool]:
    """One start of the engine and its runs.

    Returns:
        the configuration with the rates that were measured, and whether it was interrupted.
    """
    session, of = way.session, start.scenarios[0]
    path = session.config_of_start(start.number)
    with ExitStack() as stack:
        try:
            if not _wanted(loaded, start):  # else once the rates are known
                write_config(path, loaded.config, loaded.origins)
            try:
                ready = ready_engine(stack, start, loaded.config.of(of), inputs, way)
            except EngineStartError:
                write_session(session, start, loaded.config.of(of), inputs, BeforeTheClock())
                raise
            loaded, before = settled(loaded, start, inputs, ready, way)
        finally:
            if not path.exists():
                write_config(path, loaded.config, loaded.origins)
        config = loaded.config.of(of)
        written = write_session(session, start, config, inputs, before)
        for each in (path, session.facts_of_start(start.number)):
            way.kept[each] = each.read_bytes()
        way.phases.begin("warming up")
        ready.require_warm(session.log_of_start(start.number))
        live = live_session(written, start, config, inputs, ready, way)
        interrupted = _make_runs(live, start, plans_of(loaded, inputs), way.phases, gate)
        if interrupted or of in loaded.config.engine_starts()[-1]:
            way.stops.hold()
        way.phases.begin("stopping the engine")
    return loaded, interrupted


def live_session(
    written: SessionFacts,
    start: Start,
    config: RunConfig,
    inputs: Inputs,
    ready: ReadyEngine,
    way: UnderWay,
) -> LiveSession:
    """What the LoadGen runs of one engine share; `written`: what `session.json` holds."""
    return LiveSession(
        config=config,
        of_run=session_of_run(way.session, written.session_id, start.number),
        host=ready.host,
        engine=ready.engine,
        dataset=inputs.dataset,
        prompt_tokens=np.diff(inputs.dataset.prompts.offsets),
        directory=way.session,
        console=way.console,
        kept=way.kept,
        cards=cards_here(written.hardware, ready.facts),
    )


def _wanted(loaded: Loaded, start: Start) -> tuple[Scenario, ...]:
    """The scenarios of a start whose rate is to be measured with its engine."""
    every = probed(loaded.config, loaded.origins)
    return tuple(each for each in every if each in start.scenarios)


def settled(
    loaded: Loaded, start: Start, inputs: Inputs, ready: ReadyEngine, way: UnderWay
) -> tuple[Loaded, BeforeTheClock]:
    """The configuration with every rate a number that LoadGen will get, and what it rests on.

    That is, every rate of the scenarios of this start of the engine.
    """
    wanted = _wanted(loaded, start)
    if not wanted or not ready.warm:
        return loaded, ready.before
    facts = measure_rates(ready, loaded.config.of(wanted[0]), inputs, wanted, way)
    rates = rates_of(facts, loaded.config, wanted)
    said = notes_of(facts, rates)
    for note in said:
        way.say(f"Rate probe: {note}.")
    return with_rates(loaded, rates), replace(ready.before, rate_probe=facts, notes=said)


def _make_runs(
    live: LiveSession, start: Start, plans: Sequence[RunPlan], phases: Phases, gate: Gate | None
) -> bool:
    """Every LoadGen run of an engine, none on a dead one; return whether it was interrupted."""
    for number, plan in enumerate(plans, 1):
        if plan.run.scenario not in start.scenarios:
            continue
        if gate is not None:
            phases.begin("waiting for the other nodes")
            gate(plan.run)
        # Signs of life are watched here, of LoadGen and of the engine: no clock knows the end.
        phases.begin(f"running {plan.run}")
        facts = make_run(live, plan, number)
        if facts.interrupted or facts.engine_failure:
            return facts.interrupted
    return False
