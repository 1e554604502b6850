"""What is searched for, and how large every trial of it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.tune.configs import Sized
from sut.tune.measured import Measured, Purpose
from sut.tune.schedule import Wishes
from sut.tune.space import Settings, Space, settings_of


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


def given_trial(measured: Sequence[Measured]) -> Measured | None:
    """The first trial, which has the settings that the user has."""
    return next((each for each in measured if each.purpose is Purpose.GIVEN), None)
