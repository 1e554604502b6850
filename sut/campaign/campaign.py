"""A plan → its stages, each one LoadGen run; those that are not kept are made, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from sut.bug import bug_of_ours
from sut.campaign.measuring import Loader, Measuring, holds, left_by, measured, measurings
from sut.campaign.plan import Cell, Override, Plan
from sut.campaign.searching import find, inputs_of, is_found, rate_of
from sut.campaign.stages import Stage, kept, run_stages, took_s
from sut.config.names import Mode, ModeChoice, Scenario
from sut.errors import ConfigError, HarnessError
from sut.plan.rate import MEASURED, probed
from sut.report.plan_text import clock

ORIGIN = "campaign"
SEARCHED, PROBED = "its rate is searched for first", "its rate is measured first"
NO_RATE = "the search for its rate has found none so far"


class State(StrEnum):
    """How a stage ended."""

    VALID = "VALID"
    INVALID = "INVALID"
    FAILED = "FAILED"
    NOT_MADE = "not made"


@dataclass(frozen=True)
class Estimate:
    """How long a stage will take.

    Attributes:
        seconds: expected; where that is not known, at least.
        known: whether it is expected.
        why: what it rests on.
    """

    seconds: float
    known: bool
    why: str

    @property
    def text(self) -> str:
        """For a table."""
        if self.known:
            return f"about {clock(self.seconds)}: {self.why}"
        return f"not known, {clock(self.seconds)} at least: {self.why}"


@dataclass(frozen=True)
class Planned:
    """One stage of a campaign, before it is made.

    Attributes:
        name: of its record: system, settings, scenario and run.
        settings: the name of its settings.
        measuring: its run.
        inputs: what decides its outcome.
        estimate: how long it will take.
        left: the session that an earlier call left of it; None: it is to be made.
        searched: its rate is searched for; what is left is the search's confirmation.
        awaits: its rate is that of a search which has found none so far.
    """

    name: str
    settings: str
    measuring: Measuring
    inputs: dict[str, Any]
    estimate: Estimate
    left: Path | None
    searched: bool = False
    awaits: bool = False

    @property
    def stage(self) -> Stage:
        """What is kept of it, and by what."""
        holding = is_found if self.searched else holds
        seconds = self.estimate.seconds
        return Stage(self.name, self.inputs, seconds, _never, partial(holding, self.measuring))


@dataclass(frozen=True)
class Done:
    """One stage, and how it ended.

    Attributes:
        session: its folder; None where none has a result.
        kept: it was there already.
        said: why it is not VALID.
    """

    planned: Planned
    state: State
    session: Path | None
    kept: bool = False
    said: tuple[str, ...] = ()


def planned(plan: Plan, out: Path, load: Loader) -> list[Planned]:
    """Every stage of a plan, resolved and planned, so that what cannot run is told beforehand.

    Args:
        plan: as it was read.
        out: the campaign's folder.
        load: resolves settings.

    Raises:
        ConfigError, DatasetError: naming the first thing that cannot be run.
    """
    found: list[Planned] = []
    for cell in plan.cells():
        base, peaks = _overrides(plan, cell, out), plan.words.peak
        rates = _searched_rates(load, base, cell, out, peaks)
        for each in _measurings(load, base, rates):
            if each.run.mode in plan.words.modes:
                of = each.run.scenario
                found.append(_planned(each, cell, out, of in peaks, of in rates))
    names = [each.name for each in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"two of the systems have the name {twice.partition('.')[0]}.",
            where=plan.at("systems"),
            remedy="Give one of them another system.name.",
        )
    return found


def _overrides(plan: Plan, cell: Cell, out: Path) -> list[Override]:
    """The settings of one cell, with every run that the plan asks of it."""
    words = plan.words
    made = [
        *cell.overrides,
        ("scenarios", [each.value for each in words.scenarios], plan.at("scenarios")),
        ("mode", _choice(words.modes).value, plan.at("modes")),
        ("results_dir", str(out / "sessions"), "--out"),
    ]
    if words.tests is not None:
        made.append(("compliance.tests", list(words.tests), plan.at("tests")))
    return made


def _choice(modes: Sequence[Mode]) -> ModeChoice:
    """The narrowest choice of runs that has all of these."""
    return min(
        (each for each in ModeChoice if set(modes) <= set(each.modes)),
        key=lambda each: len(each.modes),
    )


def _measurings(
    load: Loader, base: Sequence[Override], rates: Mapping[Scenario, Override]
) -> list[Measuring]:
    """Each run; the rate of a search is a setting of the runs of its scenario alone."""
    found = [each for each in measurings(load, base, ORIGIN) if each.run.scenario not in rates]
    for scenario, rate in rates.items():
        of_rate = measurings(load, [*base, rate], ORIGIN)
        found += [each for each in of_rate if each.run.scenario is scenario]
    order = list(Scenario)
    return sorted(found, key=lambda each: order.index(each.run.scenario))


def _searched_rates(
    load: Loader, base: Sequence[Override], cell: Cell, out: Path, peaks: Sequence[Scenario]
) -> dict[Scenario, Override]:
    """The rate of each search that has ended, as a setting of the runs that take it."""
    found: dict[Scenario, Override] = {}
    for each in measurings(load, base, ORIGIN) if peaks else ():
        scenario = each.run.scenario
        if scenario not in peaks or each.run.mode is not Mode.PERFORMANCE:
            continue
        left = _planned(each, cell, out, searched=True, known=False).left
        if left is not None:
            rate = rate_of(left, scenario)
            origin = f"{MEASURED}: the peak, by {left.name}"
            found[scenario] = (f"{scenario.section}.target_qps", rate, origin)
    return found


def _planned(each: Measuring, cell: Cell, out: Path, searched: bool, known: bool) -> Planned:
    system = "".join(
        letter if letter.isascii() and (letter.isalnum() or letter in "_-") else "-"
        for letter in each.loaded.config.system.name
    )
    name = f"{system}.{cell.settings}.{each.name}"
    search = searched and each.run.mode is Mode.PERFORMANCE
    inputs = inputs_of(each) if search else each.inputs()
    estimate = _estimate(out, name, each, searched and not known)
    made = Planned(name, cell.settings, each, inputs, estimate, None, search)
    if searched and not known and not search:
        return replace(made, awaits=True)
    return replace(made, left=kept(out, made.stage))


def _estimate(out: Path, name: str, each: Measuring, searched: bool) -> Estimate:
    before = took_s(out, name)
    if before is not None:
        return Estimate(before, known=True, why="what it took the last time")
    config, run = each.loaded.config, each.run
    if searched or run.scenario in probed(config, each.loaded.origins):
        least = getattr(config.section(run.scenario), "min_duration_s", 0.0)
        return Estimate(least, known=False, why=SEARCHED if searched else PROBED)
    return Estimate(each.forecast.duration_expected_s, known=True, why=each.forecast.why)


def _not_reached(each: Planned) -> Done:
    if each.left is None:
        return Done(each, State.NOT_MADE, None, said=(NO_RATE,) if each.awaits else ())
    return Done(each, State.VALID, each.left, kept=True)


def _never() -> Path | None:
    raise AssertionError("only its inputs are asked for")


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


@dataclass
class Campaign:
    """A campaign under way.

    Attributes:
        out: its folder.
        stop_on_invalid: make no stage after one that is not VALID.
        again: plans the stages anew, with the rates that were found; None: none is searched for.
        interrupted: whether the user stopped it.
        broke: why no further stage could be made; None: each was.
    """

    out: Path
    stages: Sequence[Planned]
    console: Console
    stop_on_invalid: bool = False
    again: Callable[[], Sequence[Planned]] | None = None
    interrupted: bool = False
    broke: HarnessError | None = None
    _ended: dict[str, Done] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether every stage is."""
        return all(each.state is State.VALID for each in self.every())

    def every(self) -> list[Done]:
        """Every stage of the plan, those that this call did not come to included."""
        return [self._ended.get(each.name) or _not_reached(each) for each in self.stages]

    def run(self) -> None:
        """Make each stage that is not kept. Ctrl-C ends it; what was finished stays.

        So does a stage that cannot be recorded: `broke` says why.
        """
        waiting = {each.name for each in self.stages if each.awaits}
        try:
            ended = self._run([each for each in self.stages if not each.awaits])
            if waiting and ended and self.again is not None:
                self.stages = self.again()
                ready = [each for each in self.stages if not each.awaits]
                self._run([each for each in ready if each.name in waiting])
        except KeyboardInterrupt:
            self.interrupted = True
        except HarnessError as error:
            self.broke = error

    def _run(self, stages: Sequence[Planned]) -> bool:
        """Make these; whether the campaign goes on after them."""
        made = [replace(each.stage, make=partial(self._make, each)) for each in stages]
        finished = list(
            run_stages(self.out, made, self._announce, go_on=not self.stop_on_invalid)
        )  # each notes how it ended
        return not self.stop_on_invalid or all(each.left is not None for each in finished)

    def _make(self, each: Planned) -> Path | None:
        """One stage; only a VALID session is kept. An error is that of this stage alone."""
        try:
            if each.searched:
                left = find(each.measuring, self.out, self.console)
                self._ended[each.name] = Done(each, State.VALID, left)
                return left
            outcome = measured(each.measuring.loaded, self.console)
        except Exception as error:  # noqa: BLE001 - whatever it is, the other stages are made
            told = error if isinstance(error, HarnessError) else bug_of_ours(error)
            said = told.render()
            self.console.print(f"  FAILED: {said}", highlight=False, soft_wrap=True)
            self._ended[each.name] = Done(each, State.FAILED, None, said=(said,))
            return None
        valid, root = outcome.result.valid, outcome.session.root
        state = State.VALID if valid else State.INVALID
        self._ended[each.name] = Done(each, state, root, said=tuple(outcome.result.reasons))
        return left_by(outcome)

    def _announce(self, stage: Stage, left: Path | None) -> None:
        if left is None:
            self.console.rule(stage.name, align="left")
        else:
            self.console.print(f"{stage.name}: kept, {left.name}", highlight=False)
