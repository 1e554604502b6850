"""Which LoadGen runs a configuration asks for, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from sut.config.names import Mode, Scenario
from sut.config.schema import RunConfig


@dataclass(frozen=True)
class RunId:
    """Which run of its session a LoadGen run is; `test` is the compliance test it is for."""

    scenario: Scenario
    mode: Mode
    test: str | None = None

    @property
    def folder(self) -> str:
        """Its folder below the scenario's, named as a submission names it."""
        return self.test or self.mode.value

    def __str__(self) -> str:
        return f"{self.scenario.value} {self.folder}"


def run_ids(config: RunConfig) -> list[RunId]:
    """The LoadGen runs of a configuration, in the order they are made: engine start by start."""
    return [
        RunId(scenario, mode, test)
        for scenario in chain.from_iterable(config.engine_starts())
        for mode in config.mode.modes
        for test in (config.compliance.tests if mode is Mode.COMPLIANCE else (None,))
    ]
