"""What is searched for, and how large every trial of it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sut.config import shipped
from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import ConfigError
from sut.tune.configs import Sized
from sut.tune.measured import Measured, Purpose
from sut.tune.propose import require_optuna
from sut.tune.schedule import Wishes
from sut.tune.space import Settings, Space, Wanted, flat_engine, settings_of, space_of

SEED, TRIAL_S = 1, 20.0
"""Of a search unless a user says otherwise; a trial's length is in seconds."""


@dataclass(frozen=True)
class Asked:
    """What is searched for.

    Attributes:
        loaded: the user's configuration, with the engine of the scenario in every place.
        scenario: Offline, Server or Interactive.
        out: the search's folder, absolute; trials in it are taken over.
        space: what is searched.
        wishes: how.
        seed: of the sampler.
        trial_s: length of a trial with the given settings, seconds.
        system: the name or file that the found system's file is like.
    """

    loaded: Loaded
    scenario: Scenario
    out: Path
    space: Space
    wishes: Wishes
    seed: int
    trial_s: float
    system: str

    @property
    def given(self) -> Settings:
        """The settings that the user has."""
        return settings_of((each.key for each in self.space), self.loaded.config)

    @property
    def tried(self) -> dict[str, list[Any]]:
        """The values of each setting, for JSON."""
        return {each.key: list(each.values) for each in self.space}

    @property
    def trials(self) -> Path:
        return self.out / "trials"

    @property
    def smokes(self) -> bool:
        """Whether answers have a worth that settings could cost."""
        real = self.loaded.config.engine.planned().weights == "real"
        return real and any(each.answers for each in self.space)

    def may_change(self, settings: Settings) -> bool:
        """Whether these settings could answer otherwise than the given ones."""
        return any(each.answers and settings[each.key] != self.given[each.key]
                   for each in self.space)  # fmt: skip

    def sized(self, measured: Sequence[Measured]) -> Sized:
        """What every trial after the first does, by the first."""
        first = given_trial(measured)
        if first is None:
            return Sized(self.trial_s)
        if self.scenario is not Scenario.OFFLINE:
            return Sized(self.trial_s, rate=first.figures.get("target_qps"))
        samples = first.figures.get("samples")
        return Sized(self.trial_s, samples=None if samples is None else int(samples))


def asked_for(
    loaded: Loaded,
    scenario: Scenario,
    out: Path,
    wishes: Wishes,
    *,
    space: Sequence[Wanted] = (),
    system: str | None = None,
    seed: int = SEED,
    trial_s: float = TRIAL_S,
) -> Asked:
    """A search for the engine's settings of one scenario.

    Args:
        loaded: the user's configuration, of this scenario.
        scenario: Offline, Server or Interactive.
        out: the search's folder.
        wishes: how it is made.
        space: what is searched in place of what the engine and the platform have.
        system: the name or file that a user gave for the system; None: it was found.
        seed: of the sampler.
        trial_s: length of a trial with the given settings, seconds.

    Raises:
        ConfigError: nothing is known to search, the system has no file to be like, or Optuna is
            not installed.
    """
    require_optuna()
    flat = replace(loaded, config=flat_engine(loaded.config, scenario))
    return Asked(
        loaded=flat,
        scenario=scenario,
        out=out.absolute(),
        space=space_of(flat.config, space),
        wishes=wishes,
        seed=seed,
        trial_s=trial_s,
        system=_like(system, loaded),
    )


def _like(given: str | None, loaded: Loaded) -> str:
    """What the file that is written is like: a system's name, or the path of the user's file."""
    if given is not None and given.endswith((".yaml", ".yml")):
        return str(Path(given).absolute())
    name = loaded.config.system.name
    if name in shipped.names("systems"):
        return name
    raise ConfigError(
        f"the system is {name}, which is not in user_confs/systems.",
        where=loaded.origins["system.name"],
        remedy="Name its file: --system FILE.yaml; in a plan, systems: [FILE.yaml].",
    )


def given_trial(measured: Sequence[Measured]) -> Measured | None:
    """The first trial, which has the settings that the user has."""
    return next((each for each in measured if each.purpose is Purpose.GIVEN), None)
