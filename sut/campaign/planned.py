"""A plan → its stages, with what earlier calls left of each and how long the others will take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from sut.campaign.measuring import Loader, Measuring, holds, measurings
from sut.campaign.plan import Cell, Override, Plan
from sut.campaign.rate_search import SEARCHED, RateSearch
from sut.campaign.searching import ORIGIN, Estimate, Search
from sut.campaign.settings_search import SettingsSearch
from sut.campaign.stages import Stage, kept, took_s
from sut.config.names import Mode, ModeChoice, Scenario
from sut.errors import ConfigError
from sut.plan.rate import probed
from sut.report.plan_text import clock
from sut.tune.space import Wanted

PROBED = "its rate is measured first"
TUNE = "tune"


@dataclass(frozen=True)
class Planned:
    """One stage of a campaign, before it is made.

    Attributes:
        name: of its record: system, settings, scenario and run.
        settings: the name of its settings.
        measuring: its run; of a search the performance run that it is about.
        inputs: what decides its outcome.
        estimate: how long it will take.
        left: what an earlier call left of it, as a session; None: it is to be made.
        search: that it is; None: it is one LoadGen run.
        awaits: the search that has found nothing so far, in words; None: it is ready.
    """

    name: str
    settings: str
    measuring: Measuring
    inputs: dict[str, Any]
    estimate: Estimate
    left: Path | None = None
    search: Search | None = None
    awaits: str | None = None

    @property
    def is_run(self) -> bool:
        """Whether it leaves a session, that of its run."""
        return self.search is None or self.search.is_run

    @property
    def run(self) -> str:
        """What it is of its scenario."""
        return self.measuring.run.folder if self.is_run else TUNE

    @property
    def stage(self) -> Stage:
        """What is kept of it, and by what."""
        holding = holds if self.search is None else self.search.holds
        seconds = self.estimate.seconds
        return Stage(self.name, self.inputs, seconds, _never, partial(holding, self.measuring))


def _never() -> Path | None:
    raise AssertionError("only its inputs are asked for")


def planned(plan: Plan, out: Path, load: Loader) -> list[Planned]:
    """Every stage of a plan, resolved and planned, so that what cannot run is told beforehand.

    Args:
        plan: as it was read.
        out: the campaign's folder.
        load: resolves settings.

    Raises:
        ConfigError, DatasetError: naming the first thing that cannot be run.
    """
    found = [each for cell in plan.cells() for each in _Cell(plan, cell, out, load).stages()]
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"two of the systems have the name {twice.partition('.')[0]}.",
            where=plan.at("systems"),
            remedy="Give one of them another system.name.",
        )
    return found


@dataclass(frozen=True)
class _Cell:
    """The stages of one system with one set of settings."""

    plan: Plan
    cell: Cell
    out: Path
    load: Loader

    def stages(self) -> Iterator[Planned]:
        """Scenario by scenario, each with its searches first."""
        runs = list(measurings(self.load, self._base, ORIGIN))
        for scenario in Scenario:
            mine = [each for each in runs if each.run.scenario is scenario]
            if mine:
                yield from self._of(scenario, mine)

    def _of(self, scenario: Scenario, runs: list[Measuring]) -> Iterator[Planned]:
        """One scenario: what a search finds is a setting of all stages after it."""
        awaits, taken = None, list[Override]()
        searches = list(self._searches(scenario))
        for search in searches:
            (run,) = (each for each in runs if each.run.mode is Mode.PERFORMANCE)
            stage = self._planned(run, search, awaits, rate_open=False)
            yield stage
            if stage.left is None:
                awaits = awaits or search.awaited
            more = search.taken(run, stage.left)
            taken += more
            if more:
                every = measurings(self.load, [*self._base, *taken], ORIGIN)
                runs = [each for each in every if each.run.scenario is scenario]
        is_searched = any(each.is_run for each in searches)
        for run in runs:
            made_by_search = is_searched and run.run.mode is Mode.PERFORMANCE
            if run.run.mode in self.plan.words.modes and not made_by_search:
                rate_open = is_searched and awaits is not None
                yield self._planned(run, None, awaits, rate_open=rate_open)

    def _searches(self, scenario: Scenario) -> Iterator[Search]:
        """Those of a scenario, in the order in which they are made."""
        plan, words = self.plan, self.plan.words
        if scenario in words.tune:
            space = tuple(
                Wanted(key, values, plan.at(f"space.{key}")) for key, values in words.space.items()
            )
            named = (value for key, value, _ in self.cell.overrides if key == "system")
            system = next(named, None)
            yield SettingsSearch(plan.budget_s, space, None if system is None else str(system))
        if scenario in words.peak:
            yield RateSearch()

    @property
    def _base(self) -> list[Override]:
        """The settings, with every run that the plan asks of them."""
        plan, words = self.plan, self.plan.words
        made = [
            *self.cell.overrides,
            ("scenarios", [each.value for each in words.scenarios], plan.at("scenarios")),
            ("mode", _choice(words.modes).value, plan.at("modes")),
            ("results_dir", str(self.out / "sessions"), "--out"),
        ]
        if words.tests is not None:
            made.append(("compliance.tests", list(words.tests), plan.at("tests")))
        return made

    def _planned(
        self, each: Measuring, search: Search | None, awaits: str | None, *, rate_open: bool
    ) -> Planned:
        system = "".join(
            letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "-"
            for letter in each.loaded.config.system.name
        )
        is_run = search is None or search.is_run
        run = each.name if is_run else f"{each.run.scenario.value}-{TUNE}"
        name = f"{system}.{self.cell.settings}.{run}"
        inputs = each.inputs() if search is None else search.inputs(each)
        estimate = _estimate(self.out, name, each, search, rate_open=rate_open)
        made = Planned(name, self.cell.settings, each, inputs, estimate, None, search, awaits)
        return made if awaits else replace(made, left=kept(self.out, made.stage))


def _choice(modes: Sequence[Mode]) -> ModeChoice:
    """The narrowest choice of runs that has all of these."""
    return min(
        (each for each in ModeChoice if set(modes) <= set(each.modes)),
        key=lambda each: len(each.modes),
    )


def _estimate(
    out: Path, name: str, each: Measuring, search: Search | None, *, rate_open: bool
) -> Estimate:
    if search is not None and not search.is_run:
        return search.estimate(each, out)  # the budget, whatever it took with other inputs
    before = took_s(out, name)
    if before is not None:
        return Estimate(before, known=True, why="what it took the last time")
    if search is not None:
        return search.estimate(each, out)
    config, run = each.loaded.config, each.run
    if rate_open or run.scenario in probed(config, each.loaded.origins):
        least = getattr(config.section(run.scenario), "min_duration_s", 0.0)
        return Estimate(least, known=False, why=SEARCHED if rate_open else PROBED)
    return Estimate(each.forecast.duration_expected_s, known=True, why=each.forecast.why)


def foretold(plan: Plan, stages: Sequence[Planned]) -> Iterator[str]:
    """The table of stages before the start, line by line."""
    open_ = [each for each in stages if each.left is None]
    yield f"Campaign {plan.path}: {len(stages)} stages, {len(stages) - len(open_)} of them kept."
    for each in stages:
        told = "kept" if each.left is not None else each.estimate.text
        yield f"  {each.name}"
        yield f"      {told}"
    if not open_:
        yield "Nothing is to be made."
        return
    seconds = sum(each.estimate.seconds for each in open_)
    unknown = sum(not each.estimate.known for each in open_)
    bound = "at least" if unknown else "about"
    yield (
        f"What is to be made takes {bound} {clock(seconds)}. A stage that was never made starts an "
        "engine on top of that."
    )


def foretold_document(plan: Plan, stages: Sequence[Planned]) -> dict[str, Any]:
    """The same for a program: `seconds` is the least where `known` is false, and null if kept."""
    return {
        "plan": str(plan.path),
        "stages": [
            {
                "stage": each.name,
                "kept": each.left is not None,
                "session": None if each.left is None else str(each.left),
                "seconds": None if each.left is not None else each.estimate.seconds,
                "known": each.left is not None or each.estimate.known,
                "why": None if each.left is not None else each.estimate.why,
                "awaits": each.awaits,
            }
            for each in stages
        ],
    }
