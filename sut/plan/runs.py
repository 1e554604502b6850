"""Which LoadGen runs a configuration asks for, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass

from sut.config.names import Mode, Scenario
from sut.config.schema import RunConfig


@dataclass(frozen=True)
class Job:
    """One LoadGen run to be made; `test` is the compliance test it is for."""

    scenario: Scenario
    mode: Mode
    test: str | None = None

    @property
    def folder(self) -> str:
        """Its folder below the scenario's, named as a submission names it."""
        return self.test or self.mode.value


def jobs(config: RunConfig) -> list[Job]:
    """The LoadGen runs of a configuration, in the order they are made."""
    return [
        Job(scenario, mode, test)
        for scenario in config.scenarios
        for mode in config.mode.modes
        for test in (config.compliance.tests if mode is Mode.COMPLIANCE else (None,))
    ]
