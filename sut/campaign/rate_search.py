"""A stage whose rate is searched for: `sut peak` as a stage of a campaign.

What it leaves is the search's confirmation, a run of full length that is VALID: the performance run
of its scenario. The accuracy and compliance runs of that scenario take its rate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console

from sut.campaign.measuring import Measuring, holds
from sut.campaign.plan import Override
from sut.campaign.searching import ORIGIN, Estimate, folder_of
from sut.config.names import Mode
from sut.errors import RunError
from sut.peak.find import Asked, Found, find_peak
from sut.peak.report import write_found
from sut.peak.search import Wishes
from sut.plan.rate import MEASURED, with_probe_for
from sut.record.session import read_session

RATE = ("target_qps", "probe_rate")
WISHES = Wishes(first=0.0)
"""How long it goes on: as `sut peak` without flags. The first rate is the configuration's."""
SEARCHED = "its rate is searched for first"


class RateSearch:
    """The search for the highest rate at which the performance run is VALID."""

    is_run: ClassVar[bool] = True
    awaited: ClassVar[str] = "the search for its rate has found none so far"

    def inputs(self, each: Measuring) -> dict[str, Any]:
        """All that decides what it finds; where it begins does not."""
        inputs = each.inputs()
        section = inputs["config"][each.run.scenario.section]
        kept = {key: value for key, value in section.items() if key not in RATE}
        config = inputs["config"] | {each.run.scenario.section: kept}
        return inputs | {"config": config, "searched": [WISHES.tolerance, WISHES.trials]}

    def holds(self, each: Measuring, left: Path) -> bool:
        """Whether a confirmation is still one, but for its rate as the plan has it."""
        section = each.run.scenario.section
        return holds(each, left, free=frozenset(f"{section}.{key}" for key in RATE))

    def estimate(self, each: Measuring, out: Path) -> Estimate:
        """At least the confirmation's minimum duration."""
        del out
        least = getattr(each.loaded.config.section(each.run.scenario), "min_duration_s", 0.0)
        return Estimate(least, known=False, why=SEARCHED)

    def find(self, each: Measuring, out: Path, console: Console) -> Path:
        """Search, or go on; the session of the confirmation.

        Raises:
            KeyboardInterrupt: the user ended it; the next call goes on.
            RunError: no rate is confirmed.
            HarnessError: bad input, or an engine that did not start.
        """
        assert each.run.mode is Mode.PERFORMANCE
        scenario = each.run.scenario
        asked = Asked(
            loaded=with_probe_for(each.loaded, scenario, ORIGIN),
            scenario=scenario,
            out=folder_of(out / "peaks", scenario, self.inputs(each)),
            tolerance=WISHES.tolerance,
            trials=WISHES.trials,
            confirmations=WISHES.confirmations,
        )
        found = find_peak(asked, console, lambda so_far: write_found(so_far, asked))
        if found.end is None:
            raise KeyboardInterrupt
        if found.end.rate is None:
            raise RunError(f"no rate of {scenario.value} is confirmed: {found.end.why}.")
        return _confirmation(found, found.end.rate)

    def taken(self, each: Measuring, left: Path | None) -> list[Override]:
        """The rate that the confirmation ran at, queries/s.

        Raises:
            LogError: the session cannot be read.
        """
        if left is None:
            return []
        scenario = each.run.scenario
        rate = read_session(left).config.latency_rules(scenario).target_qps
        return [(f"{scenario.section}.target_qps", rate, f"{MEASURED}: the peak, by {left.name}")]


def _confirmation(found: Found, rate: float) -> Path:
    full = (each for each in reversed(found.runs) if each.full and each.valid)
    return next(each.folder for each in full if each.rate == rate)
