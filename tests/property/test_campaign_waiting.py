"""Stages that wait for searches: whatever fails, each is made once, in order, or says why not."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sut.campaign.campaign import Campaign
from sut.campaign.measuring import Measuring
from sut.campaign.plan import Override
from sut.campaign.planned import Planned
from sut.campaign.searching import Estimate
from sut.errors import ConfigError, RunError

# Of each scenario: how many searches it has, one after the other, and how many stages come then.
Chain = tuple[int, int]
CHAINS = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=4)


@dataclass
class Fake:
    """A stage that is a search or a run: both are made here by `find`."""

    name: str
    world: World
    is_run: ClassVar[bool] = True
    awaited: ClassVar[str] = ""

    def inputs(self, each: Measuring) -> dict[str, Any]:
        return {"name": self.name}

    def holds(self, each: Measuring, left: Path) -> bool:
        return True

    def estimate(self, each: Measuring, out: Path) -> Estimate:
        return Estimate(1.0, known=True, why="")

    def find(self, each: Measuring, out: Path, console: Console) -> Path:
        self.world.made.append(self.name)
        if self.name == self.world.interrupts:
            raise KeyboardInterrupt
        if self.name in self.world.failing:
            raise RunError("it found nothing")
        left = out / self.name
        left.mkdir()
        return left

    def taken(self, each: Measuring, left: Path | None) -> list[Override]:
        return []


@dataclass
class World:
    """The stages of some scenarios, planned from what lies on disk."""

    out: Path
    chains: list[Chain]
    failing: frozenset[str]
    interrupts: str | None = None
    made: list[str] = field(default_factory=list)

    def names(self) -> list[list[str]]:
        """The stages of each scenario in their order, the searches first."""
        return [
            [*(f"{n}-search{s}" for s in range(searches)), *(f"{n}-run{r}" for r in range(runs))]
            for n, (searches, runs) in enumerate(self.chains)
        ]

    def before(self, name: str) -> list[str]:
        """The searches that a stage waits for."""
        n = int(name.partition("-")[0])
        searches, mine = self.chains[n][0], self.names()[n]
        return mine[: min(searches, mine.index(name))]

    def plan(self) -> list[Planned]:
        return [self._planned(name) for names in self.names() for name in names]

    def _planned(self, name: str) -> Planned:
        open_ = [each for each in self.before(name) if not (self.out / each).is_dir()]
        left = self.out / name
        return Planned(
            name=name,
            settings="base",
            measuring=cast(Measuring, None),
            inputs={"name": name},
            estimate=Estimate(1.0, known=True, why=""),
            left=left if left.is_dir() and not open_ else None,
            search=Fake(name, self),
            awaits=open_[0] if open_ else None,
        )

    def call(self, again: Callable[[], list[Planned]] | None = None) -> Campaign:
        console = Console(file=io.StringIO())
        campaign = Campaign(self.out, self.plan(), console, again=again or self.plan)
        campaign.run()
        return campaign


@given(CHAINS, st.data())
def test_each_stage_is_made_once_after_what_it_waits_for_or_names_it(
    chains: list[Chain], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), chains, frozenset())
        names = [each for mine in world.names() for each in mine]
        world.failing = data.draw(st.frozensets(st.sampled_from(names)))
        campaign = world.call()
        assert len(set(world.made)) == len(world.made), "none is made twice in one call"
        for name in names:
            before = world.before(name)
            wanting = [each for each in before if each not in world.made or each in world.failing]
            assert (name in world.made) is (not wanting)
            if name in world.made:
                assert all(world.made.index(each) < world.made.index(name) for each in before)
        for each in campaign.every():
            name = each.planned.name
            if name not in world.made:
                assert each.state.value == "not made"
                assert each.said[0] in world.before(name)
        assert campaign.valid is (not world.failing)


@given(CHAINS, st.data())
def test_the_next_call_makes_what_is_left_and_nothing_else(
    chains: list[Chain], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), chains, frozenset())
        names = [each for mine in world.names() for each in mine]
        world.interrupts = data.draw(st.sampled_from(names))
        assert world.call().interrupted
        assert world.made[-1] == world.interrupts
        world.interrupts = None
        first, world.made = world.made[:-1], []
        campaign = world.call()
        assert campaign.valid
        assert sorted(first + world.made) == sorted(names)


def test_settings_that_no_run_may_have_fail_what_would_take_them() -> None:
    def refused() -> list[Planned]:
        raise ConfigError("engine.vllm.seed is 2, and the rules ask for 0.")

    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder), [(1, 2), (0, 1)], frozenset())
        campaign = world.call(refused)
        assert world.made == ["0-search0", "1-run0"]
        ended = {each.planned.name: each for each in campaign.every()}
        for name in ("0-run0", "0-run1"):
            assert ended[name].state.value == "FAILED"
            assert "the rules ask for 0" in ended[name].said[0]
        assert not campaign.valid
