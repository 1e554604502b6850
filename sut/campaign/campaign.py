"""A campaign: those of its stages that are not kept are made, one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

from rich.console import Console

from sut.campaign.measuring import left_by, measured
from sut.campaign.planned import Planned
from sut.campaign.stages import Stage, run_stages
from sut.errors import HarnessError


class State(StrEnum):
    """How a stage ended; a search beside the runs is FOUND, for only a run is VALID."""

    VALID = "VALID"
    FOUND = "found"
    INVALID = "INVALID"
    FAILED = "FAILED"
    NOT_MADE = "not made"

    @property
    def good(self) -> bool:
        """Whether nothing is wanting."""
        return self in (State.VALID, State.FOUND)


@dataclass(frozen=True)
class Done:
    """One stage, and how it ended.

    Attributes:
        left: its session, or its search's folder; None where there is none with a result.
        kept: it was there already.
        said: why it is not VALID.
    """

    planned: Planned
    state: State
    left: Path | None
    kept: bool = False
    said: tuple[str, ...] = ()

    @property
    def session(self) -> Path | None:
        """The session that it left."""
        return self.left if self.planned.is_run else None


def _ended_well(each: Planned) -> State:
    return State.VALID if each.is_run else State.FOUND


def _not_reached(each: Planned) -> Done:
    if each.left is None:
        said = () if each.awaits is None else (each.awaits,)
        return Done(each, State.NOT_MADE, None, said=said)
    return Done(each, _ended_well(each), each.left, kept=True)


@dataclass
class Campaign:
    """A campaign under way.

    Attributes:
        out: its folder.
        stop_on_invalid: make no stage after one that is INVALID or failed.
        again: plans the stages anew, with what was found; None: nothing is searched for.
        interrupted: whether the user stopped it.
    """

    out: Path
    stages: Sequence[Planned]
    console: Console
    stop_on_invalid: bool = False
    again: Callable[[], Sequence[Planned]] | None = None
    interrupted: bool = False
    _ended: dict[str, Done] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """Whether every run is, and every search found what it is for."""
        return all(each.state.good for each in self.every())

    def every(self) -> list[Done]:
        """Every stage of the plan, those that this call did not come to included."""
        return [self._ended.get(each.name) or _not_reached(each) for each in self.stages]

    def run(self) -> None:
        """Make each stage that is not kept. Ctrl-C ends it; what was finished stays.

        What waits for a search is planned anew with what that found, until nothing more is ready.
        """
        tried: set[str] = set()
        try:
            while ready := [
                each for each in self.stages if each.awaits is None and each.name not in tried
            ]:
                tried |= {each.name for each in ready}
                if not self._run(ready) or not self._planned_again():
                    return
        except KeyboardInterrupt:
            self.interrupted = True

    def _planned_again(self) -> bool:
        """Plan what waits with what was found; whether there is anything that waited.

        Settings that no run may have are an error of the stages that take them.
        """
        waiting = [each for each in self.stages if each.awaits is not None]
        if not waiting or self.again is None:
            return False
        try:
            self.stages = self.again()
        except HarnessError as error:
            failed = (Done(each, State.FAILED, None, said=(error.render(),)) for each in waiting)
            self._ended |= {each.planned.name: each for each in failed}
            return False
        return True

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
            if each.search is not None:
                left = each.search.find(each.measuring, self.out, self.console)
                self._ended[each.name] = Done(each, _ended_well(each), left)
                return left
            outcome = measured(each.measuring.loaded, self.console)
        except HarnessError as error:
            said = error.render()
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
