"""The search: LoadGen runs on one engine start until a rate is confirmed, or none is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import RunError
from sut.harness.at_once import AtOnce
from sut.harness.conclude import conclude
from sut.harness.facts import BeforeTheClock, Start, write_config, write_session
from sut.harness.loadgen_run import make_run
from sut.harness.phases import Phases
from sut.harness.ready_engine import ReadyEngine, ready_engine
from sut.harness.session import all_checked, live_session, plans_of, settled
from sut.harness.under_way import UnderWay, marked
from sut.inputs.inputs import Inputs
from sut.machine.signals import first_ends_the_run
from sut.peak.configs import confirmation_of, trial_of
from sut.peak.folder import SearchDir
from sut.peak.hopeless import Hopeless
from sut.peak.limits import limits_of
from sut.peak.search import Kind, Step, Tried, Wishes, next_step
from sut.peak.trial import Trial, read_trial
from sut.record.facts import RunFacts
from sut.record.folder import SessionDir

TRIAL_NOTE = "this run is a trial of a search: its figures are no result"


@dataclass(frozen=True)
class Asked:
    """What is searched for.

    Attributes:
        loaded: the user's configuration.
        scenario: Server or Interactive.
        out: the search's folder; runs in it are taken over.
        tolerance, trials, confirmations: of `sut.peak.search.Wishes`.
        trial_s: length of a trial, seconds; None: by the full run's.
    """

    loaded: Loaded
    scenario: Scenario
    out: Path
    tolerance: float
    trials: int
    confirmations: int
    trial_s: float | None = None

    def wishes(self, first: float) -> Wishes:
        """For the search, which begins at this rate."""
        return Wishes(first, self.tolerance, self.trials, self.confirmations)


@dataclass(frozen=True)
class Found:
    """Where a search stands.

    Attributes:
        runs: all that were made, now and before.
        end: of the search, with the rate that is confirmed; None: it was interrupted.
        config: as it was searched with.
    """

    runs: list[Trial]
    end: Step | None
    config: RunConfig


def find_peak(asked: Asked, console: Console, keep: Callable[[Found], object]) -> Found:
    """Search, or go on with a search.

    Args:
        asked: what for.
        console: for progress.
        keep: called after every run, with where the search stands.

    Raises:
        ConfigError, DatasetError: before anything was started.
        EngineStartError: the engine did not become ready.
        RunError: the engine does not answer the warm-up, or died.
    """
    loaded, inputs, _ = all_checked(asked.loaded)
    asked = replace(asked, loaded=loaded)
    folder = SearchDir(asked.out)
    folder.open(loaded, asked.scenario)
    runs = folder.runs()
    step = next_step(tried(runs), asked.wishes(_first(runs, loaded.config, asked.scenario)))
    if step.kind is not Kind.END:
        with engine_for(loaded.config, asked.scenario, inputs, folder, console) as (ready, way):
            return _searched(asked, inputs, folder, runs, ready, way, keep)
    found = Found(runs, step, loaded.config)
    keep(found)
    return found


@contextmanager
def engine_for(
    config: RunConfig, scenario: Scenario, inputs: Inputs, folder: SearchDir, console: Console
) -> Iterator[tuple[ReadyEngine, UnderWay]]:
    """Within the block an engine is ready; what its runs share goes with it.

    Raises:
        EngineStartError: it did not become ready.
    """
    end = AtOnce()
    with first_ends_the_run(end.by_signal) as stops, Phases(end.by_deadline) as phases:
        way = UnderWay(SessionDir(folder.new_start()), phases, stops, console)
        with ExitStack() as stack:
            start = Start.only(scenario)
            yield ready_engine(stack, start, config.of(scenario), inputs, way), way
            stops.hold()
            phases.begin("stopping the engine")


def tried(runs: list[Trial]) -> list[Tried]:
    """The runs as the search takes them."""
    return [each.tried for each in runs]


def _first(runs: list[Trial], config: RunConfig, scenario: Scenario) -> float:
    """The rate that the search begins, or began, with."""
    return runs[0].rate if runs else config.latency_rules(scenario).target_qps


def _searched(
    asked: Asked,
    inputs: Inputs,
    folder: SearchDir,
    runs: list[Trial],
    ready: ReadyEngine,
    way: UnderWay,
    keep: Callable[[Found], object],
) -> Found:
    config = asked.loaded.config
    if not ready.warm:
        raise RunError(
            "the engine does not answer the warm-up, so there is nothing to search.",
            where=str(folder.root),
            remedy=f"Look into {way.session.engine_log}.",
        )
    before = ready.before
    if not runs:
        loaded, before = settled(asked.loaded, Start.only(asked.scenario), inputs, ready, way)
        config = loaded.config
    wishes = asked.wishes(_first(runs, config, asked.scenario))
    maker = RunMaker(asked, inputs, folder, ready, before, way)
    while (step := next_step(tried(runs), wishes)).kind is not Kind.END:
        made = maker.make(step)
        if made is None:
            return Found(runs, None, config)
        runs = [*runs, made]
        keep(Found(runs, None, config))
    found = Found(runs, step, config)
    keep(found)
    return found


class RunMaker:
    """Makes one LoadGen run after the other on one engine, each in a session's folder."""

    def __init__(
        self,
        asked: Asked,
        inputs: Inputs,
        folder: SearchDir,
        ready: ReadyEngine,
        before: BeforeTheClock,
        way: UnderWay,
    ) -> None:
        self._asked, self._inputs, self._folder = asked, inputs, folder
        self._ready, self._before, self._way = ready, before, way
        self._number = 0

    def make(self, step: Step) -> Trial | None:
        """One run; None where the user ended it.

        Raises:
            HarnessError: it broke, or the engine died.
        """
        assert step.rate is not None, "a step that is not the end has a rate"
        self._number += 1
        full = step.kind is Kind.CONFIRMATION
        loaded = self._configured(step.rate, full=full)
        self._way.say(f"{step.kind.value.capitalize()} at {step.rate:g} queries/s ({step.why})")
        session = SessionDir.create(loaded.config.results_dir, loaded.config.node_name)
        way = replace(self._way, session=session, kept={})
        ended: Exception | KeyboardInterrupt | None = None
        facts: RunFacts | None = None
        with marked(session, way.phases):
            try:
                facts = self._run(loaded, way, full=full)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - it ends in a result, too
                ended = error
            ending = None if ended is None else way.ending(ended)
            conclude(session, ending, way.say, way.kept, publish=full)
        if ended is not None and not isinstance(ended, KeyboardInterrupt):
            raise ended
        if facts is None or facts.interrupted:
            return None
        if facts.engine_failure:
            raise RunError(f"{facts.engine_failure}.", where=str(session.root))
        return self._told(session.root, full=full)

    def _run(self, loaded: Loaded, way: UnderWay, *, full: bool) -> RunFacts:
        """The LoadGen run, with the files of its session before it."""
        notes = [*self._before.notes, *(() if full else (TRIAL_NOTE,))]
        before = replace(self._before, notes=notes)
        write_config(way.session.config, loaded.config, loaded.origins)
        start = Start.only(self._asked.scenario)
        config = loaded.config.of(self._asked.scenario)
        written = write_session(way.session, start, config, self._inputs, before)
        for path in (way.session.config, way.session.session_facts):
            way.kept[path] = path.read_bytes()
        live = live_session(written, start, config, self._inputs, self._ready, way)
        (plan,) = plans_of(loaded, self._inputs)
        limits = limits_of(loaded.config, self._asked.scenario)
        give_up = None if full else Hopeless(limits, plan.forecast.queries_expected)
        way.phases.begin(f"running {plan.run}")
        return make_run(live, plan, self._number, give_up)

    def _configured(self, rate: float, *, full: bool) -> Loaded:
        asked = self._asked
        if full:
            return confirmation_of(asked.loaded, asked.scenario, rate, self._folder.root)
        out = self._folder.trials
        return trial_of(asked.loaded, asked.scenario, rate, out, asked.trial_s)

    def _told(self, root: Path, *, full: bool) -> Trial:
        trial = read_trial(root, full=full)
        assert trial is not None, "a run that was not interrupted is there"
        self._way.say(f"  {describe(trial)}")
        return trial


def describe(trial: Trial) -> str:
    """A run of the search on one line."""
    if trial.given_up is not None:
        _, _, why = trial.given_up.partition("given up: ")
        return f"{trial.rate:g}/s: given up, {why}".partition("; its log stops")[0]
    shown = ", ".join(f"{name} at {ratio:.0%} of its limit" for name, ratio in trial.ratios.items())
    verdict = ("VALID" if trial.valid else "INVALID") if trial.full else "held"
    if not trial.full and not trial.tried.held:
        verdict = "did not hold"
    return f"{trial.rate:g}/s: {verdict}; {shown}"
