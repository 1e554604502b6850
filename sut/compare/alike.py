"""In what the parties differ: in the task, then no figure compares; or in what did it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from sut.compare.party import Party
from sut.config.names import Scenario
from sut.config.rate import PROBED
from sut.result.alike import FREE, Difference, differences, machine_facts, result_differences


class Area(StrEnum):
    """What a difference is in. In another task figures say nothing of each other.

    A size is how many queries were asked, or for how long: rates and percentiles stay comparable.
    """

    TASK = "task"
    ENGINE = "engine settings"
    MACHINE = "machine"
    SIZE = "size"
    SOFTWARE = "software"


# What only decides which runs there are: those that all have are compared.
# How a rate was found is no part of the task: the rate is.
FREE_HERE = (
    *FREE,
    *("scenarios", "mode", "compliance.tests"),
    *(f"{section}.probe_rate" for section in PROBED),
)
_SIZE = ("min_query_count", "min_sample_count", "min_duration_s", "min_duration_ms")
# Offline has no arrivals: its rate only says how many samples its one query holds.
_SIZE_OF_OFFLINE = ("target_qps", "samples_per_query", "offline_expected_qps")
_SOFTWARE = ("harness", "loadgen", "python", "engine package", "torch", "transformers")
_ENGINE = ("engine", "by_scenario", "system.", "warmup", "warm-up", "replicas", "kv_cache")


@dataclass(frozen=True)
class Unlike:
    """One difference, and what it is in."""

    area: Area
    difference: Difference

    @property
    def sentence(self) -> str:
        """The key, and each value with those that have it."""
        shown = (f"{value} in {', '.join(names)}" for value, names in self.difference.shown)
        return f"{self.difference.key}: {'; '.join(shown)}"


def unlike(parties: Sequence[Party]) -> list[Unlike]:
    """Everything in which the parties differ, what decides most first."""
    results = {each.name: each.first for each in parties}
    found = [
        Unlike(_area(each.key), each)
        for each in result_differences(results, free=FREE_HERE)
        if not _of_other_run(each, parties)
    ]
    found += [
        Unlike(Area.MACHINE, each)
        for each in differences({name: machine_facts(each) for name, each in results.items()})
    ]
    order = list(Area)
    return sorted(found, key=lambda each: order.index(each.area))


def _area(key: str) -> Area:
    if key.startswith(_SOFTWARE) or key.endswith("LoadGen release"):
        return Area.SOFTWARE
    offline = key.startswith((f"{Scenario.OFFLINE.section}.", f"{Scenario.OFFLINE.value}: "))
    if key.endswith(_SIZE) or (offline and key.endswith(_SIZE_OF_OFFLINE)):
        return Area.SIZE
    of_scenario = key.partition(": ")[2]  # of an engine that a scenario has for itself
    return Area.ENGINE if key.startswith(_ENGINE) or of_scenario.startswith(_ENGINE) else Area.TASK


def _of_other_run(each: Difference, parties: Sequence[Party]) -> bool:
    """Of a run that is not compared, or of one that not all have."""
    for scenario in Scenario:
        common = all(scenario in party.scenarios for party in parties)
        mine = each.key.startswith((f"{scenario.value}: ", f"{scenario.section}."))
        if mine and not common:
            return True
    return " run: " in each.key  # accuracy and compliance runs have no figures here


def unlike_within(party: Party) -> list[Unlike]:
    """In what the sessions under one letter differ: repeats are of one task, engine and machine."""
    alone = [
        Party(f"{party.name}{number}", (each,)) for number, each in enumerate(party.sessions, 1)
    ]
    return [each for each in unlike(alone) if each.area not in (Area.SOFTWARE, Area.SIZE)]
