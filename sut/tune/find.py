"""The search over the engine's settings: trials, then a run of full length with the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from sut.errors import RunError
from sut.figure_text import figure_text
from sut.peak.folder import go_on, searched_with
from sut.record.session import read_session
from sut.record.unlike import made_with
from sut.tune.asked import Asked
from sut.tune.configs import confirmation_config
from sut.tune.make import make_trial
from sut.tune.measured import Measured, read_measured
from sut.tune.process import run_child
from sut.tune.propose import propose
from sut.tune.proved import refuse_unproved
from sut.tune.schedule import Job, chosen, next_job
from sut.tune.space import Settings, shown

Make = Callable[[Asked, Job, Sequence[Measured]], Measured]


@dataclass(frozen=True)
class Found:
    """Where a search stands.

    Attributes:
        measured: every trial, those of earlier calls too.
        over: whether nothing is left to do; else it goes on, or was interrupted.
        confirmation: session of the run of full length; None: there is none.
        unconfirmed: why not.
        confirmed_by: in words, whose run confirms it in place of one of its own.
    """

    measured: list[Measured]
    over: bool
    confirmation: Path | None = None
    unconfirmed: str | None = None
    confirmed_by: str | None = None


def tune(asked: Asked, console: Console, keep: Callable[[Found], object]) -> Found:
    """Search, or go on with a search.

    Args:
        asked: what for.
        console: for progress.
        keep: called after every trial, with where the search stands.

    Raises:
        ConfigError: the folder holds another search, or a trial that its session contradicts.
        RunError: the given settings failed, so that there is nothing to hold others against.
    """
    measured = taken_over(asked)
    try:
        measured = searched(asked, measured, console, keep, make_trial)
        found = _confirmed(asked, measured, console)
    except KeyboardInterrupt:
        found = Found(read_measured(asked.trials), over=False)
    keep(found)
    return found


def taken_over(asked: Asked) -> list[Measured]:
    """Begin a search in its folder, or go on with it: its trials so far.

    Raises:
        ConfigError: the folder holds another search, or a trial that its session contradicts.
    """
    wanted = {"space": asked.tried, "seed": asked.seed, "trial_s": asked.trial_s}
    go_on(asked.out / "search.json", searched_with(asked.loaded, asked.scenario) | wanted)
    measured = read_measured(asked.trials)
    refuse_unproved(asked, measured)
    return measured


def is_over(asked: Asked, measured: Sequence[Measured]) -> bool:
    """Whether these trials are a whole search, which found settings."""
    sound = bool(measured) and measured[0].failed is None
    return sound and _next(asked, measured) is None


def _next(asked: Asked, measured: Sequence[Measured]) -> Job | None:
    def proposed(before: Sequence[Measured]) -> Settings | None:
        return propose(asked.space, before, asked.seed)

    return next_job(asked.given, measured, asked.wishes, proposed)


def searched(
    asked: Asked,
    measured: list[Measured],
    console: Console,
    keep: Callable[[Found], object],
    make: Make,
) -> list[Measured]:
    """Every trial until the search is over.

    Raises:
        KeyboardInterrupt: the user ended it.
        RunError: the given settings failed.
    """
    while job := _next(asked, measured):
        made = make(asked, job, measured)
        measured = [*measured, made]
        console.print(line_of(made), highlight=False, soft_wrap=True)
        keep(Found(measured, over=False))
    first = measured[0]
    if first.failed is not None:
        raise RunError(
            "the given settings failed, so there is nothing to hold others against: "
            f"{first.failed.rstrip('.')}.",
            where=str(asked.trials / f"{first.number:03d}"),
            remedy="Look into output.log there, and begin with settings that run.",
        )
    return measured


def _confirmed(asked: Asked, measured: list[Measured], console: Console) -> Found:
    """A run of full length with the settings that were found; made once.

    Raises:
        KeyboardInterrupt: the user ended it.
    """
    settings = chosen(asked.given, measured)
    loaded = confirmation_config(
        asked.loaded, asked.scenario, settings, asked.out, asked.sized(measured)
    )
    done = _sessions(asked.out)
    for session in done:
        if made_with(loaded, read_session(session)):
            return Found(measured, over=True, confirmation=session)
    console.print(f"Confirmation in full: {shown(settings)}", highlight=False, soft_wrap=True)
    folder = asked.out / f"confirmation-{1 + len(list(asked.out.glob('confirmation-*')))}"
    folder.mkdir()
    ended = run_child(folder, loaded, ["--full"], None)
    made = [each for each in _sessions(asked.out) if each not in done]
    return Found(measured, True, made[0] if made else None, ended.failed)


def _sessions(out: Path) -> list[Path]:
    """Sessions of full length that came to their end."""
    return [path.parent for path in sorted(out.glob("*/result.json"))]


def line_of(made: Measured) -> str:
    """One trial in words."""
    what = f"failed: {made.failed}" if made.value is None else f"{figure_text(made.value)}"
    return f"Trial {made.number} ({made.purpose}, {made.cost_s:.0f} s): {what}; " + shown(
        made.settings
    )
