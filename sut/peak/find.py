"""The search: LoadGen runs on one engine start until a rate is confirmed, or none is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.harness.facts import Start
from sut.harness.on_engine import OnEngine, engine_for
from sut.harness.ready_engine import ReadyEngine
from sut.harness.session import all_checked, settled
from sut.harness.under_way import UnderWay
from sut.inputs.inputs import Inputs
from sut.peak.configs import confirmation_of, trial_of
from sut.peak.folder import SearchDir
from sut.peak.one_run import one_run
from sut.peak.search import Kind, Step, Tried, Wishes, next_step
from sut.peak.strangers import refuse_strangers
from sut.peak.trial import Trial, read_trial
from sut.record.alone import alone_in


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
        ConfigError, DatasetError: before anything was started; a session in the folder that is
            not of this search; a folder that another command works in.
        EngineStartError: the engine did not become ready.
        RunError: the engine does not answer the warm-up, or died.
    """
    loaded, inputs, _ = all_checked(asked.loaded)
    with alone_in(asked.out):
        return _find(replace(asked, loaded=loaded), inputs, console, keep)


def _find(asked: Asked, inputs: Inputs, console: Console, keep: Callable[[Found], object]) -> Found:
    loaded, folder = asked.loaded, SearchDir(asked.out)
    folder.open(loaded, asked.scenario)
    refuse_strangers(folder, loaded, asked.scenario)
    runs = folder.runs()
    step = next_step(tried(runs), asked.wishes(_first(runs, loaded.config, asked.scenario)))
    if step.kind is not Kind.END:
        logs = folder.new_start()
        with engine_for(loaded.config, asked.scenario, inputs, logs, console) as (ready, way):
            return _searched(asked, inputs, folder, runs, ready, way, keep)
    found = Found(runs, step, loaded.config)
    keep(found)
    return found


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
    config, before = asked.loaded.config, ready.before
    if not runs:
        loaded, before = settled(asked.loaded, Start.only(asked.scenario), inputs, ready, way)
        config = loaded.config
    wishes = asked.wishes(_first(runs, config, asked.scenario))
    maker = RunMaker(asked, folder, OnEngine(asked.scenario, inputs, ready, before, way))
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
    """Makes one run of a search after the other on one engine."""

    def __init__(self, asked: Asked, folder: SearchDir, engine: OnEngine) -> None:
        self._asked, self._folder, self._engine = asked, folder, engine
        self._number = 0

    def make(self, step: Step) -> Trial | None:
        """One run; None where the user ended it.

        Raises:
            HarnessError: it broke, or the engine died.
        """
        assert step.rate is not None, "a step that is not the end has a rate"
        self._number += 1
        full, say = step.kind is Kind.CONFIRMATION, self._engine.way.say
        loaded = self._configured(step.rate, full=full)
        say(f"{step.kind.value.capitalize()} at {step.rate:g} queries/s ({step.why})")
        session = one_run(self._engine, loaded, self._number, full=full)
        if session is None:
            return None
        trial = read_trial(session.root, full=full)
        assert trial is not None, "a run that was not interrupted is there"
        say(f"  {describe(trial)}")
        return trial

    def _configured(self, rate: float, *, full: bool) -> Loaded:
        asked = self._asked
        if full:
            return confirmation_of(asked.loaded, asked.scenario, rate, self._folder.root)
        out = self._folder.trials
        return trial_of(asked.loaded, asked.scenario, rate, out, asked.trial_s)


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
