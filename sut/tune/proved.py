"""Are trials of an earlier call what their sessions show? Anyone can edit trial.json."""

from __future__ import annotations

from collections.abc import Sequence

from sut.errors import ConfigError, LogError
from sut.record.session import read_session
from sut.tune.asked import Asked
from sut.tune.judge import judged
from sut.tune.measured import Measured, same
from sut.tune.space import settings_of


def refuse_unproved(asked: Asked, measured: Sequence[Measured]) -> None:
    """Hold each trial that did not fail to its session.

    Raises:
        ConfigError: naming the trial, and what its session says otherwise.
    """
    for trial in measured:
        said = None if trial.value is None else _otherwise(asked, trial)
        if said is not None:
            place = f"trials/{trial.number:03d}"
            raise ConfigError(
                f"{place}/trial.json is not what its session shows: {said}.",
                where="--out",
                remedy=f"Remove {asked.out / place}; the trial is made again.",
            )


def _otherwise(asked: Asked, trial: Measured) -> str | None:
    """In words; None: its session shows the same."""
    session = (asked.out / (trial.session or "")).resolve()
    if trial.session is None or not session.is_relative_to(asked.trials.resolve()):
        return "it names no session of this search"
    try:
        config = read_session(session).config
        found = judged(session, asked.scenario)
    except LogError as error:
        return error.render().rstrip(".")
    if not same(settings_of(trial.settings, config), trial.settings):
        return "it had other settings"
    if found.failed is not None:
        return found.failed
    if found.value != trial.value:
        return f"the value is {trial.value}, and the session gives {found.value}"
    # A failure in the smoke test fails the trial after its figures were taken.
    return None if found.figures == trial.figures else "the figures are others"
