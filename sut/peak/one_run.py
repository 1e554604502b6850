"""One run of a search: a trial, or an ordinary run. The one place that says what a trial is."""

from __future__ import annotations

from sut.config.names import Mode
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.harness.on_engine import OnEngine
from sut.peak.hopeless import Hopeless
from sut.peak.limits import limits_of
from sut.plan.run_plan import RunPlan
from sut.record.folder import SessionDir

TRIAL_NOTE = "this run is a trial of a search: its figures are no result"


def one_run(engine: OnEngine, loaded: Loaded, number: int, *, full: bool) -> SessionDir | None:
    """One run; None where the user ended it.

    A trial's summary says that it is no result, its result is not published, and it is given up
    where it can no longer become what is wanted.

    Args:
        engine: that answers.
        loaded: its configuration.
        number: of this run on its engine, from 1.
        full: whether it is an ordinary run; else it is a trial.

    Raises:
        HarnessError: it broke, or the engine died.
    """
    if full:
        return engine.make(loaded, number)
    return engine.make(
        loaded,
        number,
        publish=False,
        notes=(TRIAL_NOTE,),
        give_up=lambda plan: _hopeless(loaded.config, plan),
    )


def _hopeless(config: RunConfig, plan: RunPlan) -> Hopeless | None:
    """When to give up; None where there are no limits to miss."""
    scenario = plan.run.scenario
    if scenario.loadgen_scenario != "Server" or plan.run.mode is not Mode.PERFORMANCE:
        return None
    return Hopeless(limits_of(config, scenario), plan.forecast.queries_expected)
