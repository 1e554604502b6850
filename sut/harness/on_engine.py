"""Runs of several sessions on one start of the engine: each a LoadGen run in a folder of its own.

A session starts an engine, and its runs have one configuration. A search or a benchmark makes many
sessions whose engine is the same: it is started once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import HarnessError, RunError
from sut.harness.at_once import AtOnce
from sut.harness.conclude import conclude
from sut.harness.facts import BeforeTheClock, Start, write_config, write_session
from sut.harness.loadgen_run import GiveUp, make_run
from sut.harness.phases import Phases
from sut.harness.ready_engine import ReadyEngine, ready_engine
from sut.harness.session import live_session, plans_of
from sut.harness.under_way import UnderWay, marked
from sut.inputs.inputs import Inputs
from sut.machine.signals import first_ends_the_run
from sut.plan.run_plan import RunPlan
from sut.record.ending import EndingFacts
from sut.record.facts import RunFacts
from sut.record.folder import SessionDir

When = Callable[[RunPlan], GiveUp | None]
"""When a run that is planned so is given up; None: never."""


@contextmanager
def engine_for(
    config: RunConfig, scenario: Scenario, inputs: Inputs, logs: Path, console: Console
) -> Iterator[tuple[ReadyEngine, UnderWay]]:
    """Within the block an engine is ready; what its runs share goes with it.

    Args:
        config: of the runs.
        scenario: of all of them.
        inputs: data set and weights.
        logs: an empty folder for what the engine prints.
        console: for progress.

    Raises:
        EngineStartError: it did not become ready.
        RunError: it does not answer the warm-up.
    """
    end = AtOnce()
    with first_ends_the_run(end.by_signal) as stops, Phases(end.by_deadline) as phases:
        way = UnderWay(SessionDir(logs), phases, stops, console)
        with ExitStack() as stack:
            start = Start.only(scenario)
            ready = ready_engine(stack, start, config.of(scenario), inputs, way)
            ready.require_warm(way.session.engine_log)
            yield ready, way
            stops.hold()
            phases.begin("stopping the engine")


@dataclass(frozen=True)
class OnEngine:
    """An engine that is ready, and what the runs on it share."""

    scenario: Scenario
    inputs: Inputs
    ready: ReadyEngine
    before: BeforeTheClock
    way: UnderWay

    def make(
        self,
        loaded: Loaded,
        number: int,
        *,
        publish: bool = True,
        notes: Sequence[str] = (),
        give_up: When = lambda _: None,
    ) -> SessionDir | None:
        """One run in a new session's folder; None where the user ended it.

        Args:
            loaded: its configuration.
            number: of this run on its engine, from 1.
            publish: whether its result gets the names that users look for, too.
            notes: what a reader of the result is told.
            give_up: when it is ended early.

        Raises:
            HarnessError: it broke, or the engine died.
        """
        session = SessionDir.create(loaded.config.results_dir, loaded.config.node_name)
        way = replace(self.way, session=session, kept={})
        before = replace(self.before, notes=[*self.before.notes, *notes])
        ended: Exception | KeyboardInterrupt | None = None
        facts: RunFacts | None = None
        with marked(session, way.phases):
            try:
                facts = self._run(loaded, before, way, number, give_up)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it ends in a result, too
                ended = error
            ending = None if ended is None else way.ending(ended)
            _, left = conclude(session, ending, way.say, way.kept, publish=publish)
        if (told := _told(ended, ending, left)) is not None:
            raise told
        if facts is None or facts.interrupted:
            return None
        if facts.engine_failure:
            raise RunError(f"{facts.engine_failure}.", where=str(session.root))
        return session

    def _run(
        self, loaded: Loaded, before: BeforeTheClock, way: UnderWay, number: int, give_up: When
    ) -> RunFacts:
        """The LoadGen run, with the files of its session before it."""
        write_config(way.session.config, loaded.config, loaded.origins)
        start = Start.only(self.scenario)
        config = loaded.config.of(self.scenario)
        written = write_session(way.session, start, config, self.inputs, before)
        for path in (way.session.config, way.session.session_facts):
            way.kept[path] = path.read_bytes()
        live = live_session(written, start, config, self.inputs, self.ready, way)
        (plan,) = plans_of(loaded, self.inputs)
        way.phases.begin(f"running {plan.run}")
        return make_run(live, plan, number, give_up(plan))


def _told(
    ended: Exception | KeyboardInterrupt | None, ending: EndingFacts | None, left: SessionDir
) -> HarnessError | None:
    """What is told of a run that broke; None where it did not, or somebody asked for its end."""
    if isinstance(ended, HarnessError):
        return ended
    if ending is None or ending.stopped_by is not None:
        return None
    return RunError(f"{ending.sentence}.", where=str(left.root))
