"""Makes one trial: a process, its runs, and what they are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sut.errors import ConfigError
from sut.inputs.weights import start_limit_s
from sut.record.folder import next_number
from sut.tune.asked import Asked, given_trial
from sut.tune.child import SMOKE
from sut.tune.configs import trial_config
from sut.tune.judge import Judged, judged, lost_by_smoke, session_in, smoke_of
from sut.tune.measured import Measured, Purpose
from sut.tune.process import run_child
from sut.tune.schedule import Job

FIRST_TIMES, TIMES, LEAST_S = 20.0, 4.0, 120.0
"""The first trial may take so many times its length; a later one so many times what that took."""


def make_trial(asked: Asked, job: Job, measured: Sequence[Measured]) -> Measured:
    """One trial; one that fails or hangs says why.

    Args:
        asked: what is searched for.
        job: which trial.
        measured: those before it.

    Raises:
        KeyboardInterrupt: the user ended it.
    """
    number = next_number(asked.trials)
    folder = asked.trials / f"{number:03d}"
    folder.mkdir(parents=True)
    made = Measured(number, job.purpose, job.settings, value=None, failed=None, cost_s=0.0)
    made = _run(asked, made, folder, measured)
    made.write(folder / "trial.json")
    return made


def _run(asked: Asked, trial: Measured, folder: Path, measured: Sequence[Measured]) -> Measured:
    """The trial with what it showed."""
    smokes = asked.smokes and (trial.purpose is Purpose.GIVEN or asked.may_change(trial.settings))
    sized = asked.sized(measured)
    try:
        loaded = trial_config(asked.loaded, asked.scenario, trial.settings, folder, sized)
    except ConfigError as error:
        return replace(trial, failed=error.message)
    words = ["--smoke"] if smokes else []
    ended = run_child(folder, loaded, words, limit_s(asked, measured))
    session = session_in(folder)
    if ended.failed is not None or session is None:
        return replace(trial, failed=ended.failed or "it left no run", cost_s=ended.took_s)
    told, smoke = judged(session, asked.scenario), Judged(None, None)
    if smokes and told.failed is None:
        smoke = _smoke(folder, asked, measured)
    failed = told.failed or smoke.failed
    return replace(
        trial,
        value=None if failed else told.value,
        failed=failed,
        cost_s=ended.took_s,
        session=session.relative_to(asked.out).as_posix(),
        figures=told.figures,
        smoke=smoke.figures,
    )


def _smoke(folder: Path, asked: Asked, measured: Sequence[Measured]) -> Judged:
    """The metrics of its answers, held to those of the given settings."""
    session = session_in(folder / SMOKE)
    if session is None:
        return Judged(None, "its answers were not asked for")
    found, first = smoke_of(session, asked.scenario), given_trial(measured)
    if found.failed is None and first is not None:
        return replace(found, failed=lost_by_smoke(found.figures, first.smoke))
    return found


def limit_s(asked: Asked, measured: Sequence[Measured]) -> float:
    """Seconds until a trial counts as hanging."""
    first = given_trial(measured)
    if first is None:
        config = asked.loaded.config
        return start_limit_s(config) + config.warmup.timeout_s + FIRST_TIMES * asked.trial_s
    return max(LEAST_S, TIMES * first.cost_s)
