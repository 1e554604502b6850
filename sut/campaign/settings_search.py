"""A stage in which the engine's settings are searched: the trials of `sut tune`.

What it leaves is the search's folder. It makes no confirmation: the performance run of its
scenario, or the search for its rate, follows with the settings that were found, and is that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console

from sut.campaign.measuring import Measuring
from sut.campaign.plan import Override
from sut.campaign.searching import ORIGIN, Estimate, folder_of
from sut.config.keys import BY_SCENARIO
from sut.config.names import Scenario
from sut.config.rate import AUTO
from sut.errors import ConfigError, HarnessError
from sut.plan.rate import with_probe_for
from sut.tune.asked import Asked, asked_for
from sut.tune.find import Found, is_over, searched, taken_over
from sut.tune.make import make_trial
from sut.tune.measured import Measured, read_measured
from sut.tune.proved import refuse_unproved
from sut.tune.report import DOCUMENT, SYSTEM, document_of, write_found
from sut.tune.schedule import Wishes, chosen
from sut.tune.space import Wanted

FOLDER = "tunes"
CONFIRMED_BY = "the run of full length that follows it in its campaign"
WHOLE, REST = "its budget", "what is left of its budget"


@dataclass(frozen=True)
class SettingsSearch:
    """The search for the engine's settings with which a scenario does best.

    Attributes:
        budget_s: seconds that all its trials may take.
        space: what is searched in place of what the engine and the platform have.
        system: the system as the plan names it; None: this machine's.
    """

    is_run: ClassVar[bool] = False
    awaited: ClassVar[str] = "the search for its engine's settings has found none so far"

    budget_s: float
    space: tuple[Wanted, ...] = ()
    system: str | None = None

    def inputs(self, each: Measuring) -> dict[str, Any]:
        """All that decides what it finds, its budget too."""
        return self._searched_with(each) | {"budget_s": self.budget_s}

    def _searched_with(self, each: Measuring) -> dict[str, Any]:
        """All that its trials rest on: a larger budget goes on with them."""
        asked = self._asked(each, Path())
        wishes = [asked.wishes.trials, asked.wishes.rounds, asked.seed, asked.trial_s]
        return each.inputs() | {"searched": wishes, "space": asked.tried}

    def _folder(self, each: Measuring, out: Path) -> Path:
        return folder_of(out / FOLDER, each.run.scenario, self._searched_with(each))

    def _asked(self, each: Measuring, folder: Path) -> Asked:
        return asked_for(
            each.loaded,
            each.run.scenario,
            folder,
            Wishes(self.budget_s),
            space=self.space,
            system=self.system,
        )

    def holds(self, each: Measuring, left: Path) -> bool:
        """Whether the folder is of this search, which is over, and its trials are proved."""
        if left.name != self._folder(each, Path()).name:
            return False
        asked = self._asked(each, left)
        try:
            measured = read_measured(asked.trials)
            refuse_unproved(asked, measured)
        except HarnessError:
            return False
        written = all((left / name).is_file() for name in (DOCUMENT, SYSTEM))
        return written and is_over(asked, measured)

    def estimate(self, each: Measuring, out: Path) -> Estimate:
        """Its budget, less what its trials took so far."""
        try:
            made = read_measured(self._folder(each, out) / "trials")
        except ConfigError:  # the stage itself says it
            made = []
        left_s = max(0.0, self.budget_s - sum(trial.cost_s for trial in made))
        return Estimate(left_s, known=True, why=REST if made else WHOLE)

    def find(self, each: Measuring, out: Path, console: Console) -> Path:
        """Make the trials that are left; the search's folder.

        Raises:
            KeyboardInterrupt: the user ended it; the next call goes on.
            ConfigError: a trial of an earlier call is not what its session shows.
            RunError: the given settings failed.
        """
        asked = self._asked(each, self._folder(each, out))
        measured = searched(
            asked,
            taken_over(asked),
            console,
            lambda so_far: write_found(_told(so_far.measured, over=False), asked),
            make_trial,
        )
        write_found(_told(measured, over=True), asked)
        return asked.out

    def taken(self, each: Measuring, left: Path | None) -> list[Override]:
        """The settings that were found, and a rate that fits them where nobody gave one.

        A faster engine would be done before Offline's minimum duration at the rate of a file.
        """
        scenario = each.run.scenario
        found: list[Override] = []
        probed = with_probe_for(each.loaded, scenario, ORIGIN) is not each.loaded
        if scenario is Scenario.OFFLINE and probed:
            found.append((f"{scenario.section}.target_qps", AUTO, f"{ORIGIN}: as it is tuned"))
        if left is not None:
            asked = self._asked(each, left)
            best = chosen(asked.given, read_measured(asked.trials))
            above, origin = f"{BY_SCENARIO}{scenario.value}.", f"tuned: by {left.name}"
            found += [(f"{above}{key}", value, origin) for key, value in best.items()]
        return found

    def document(self, each: Measuring, left: Path) -> dict[str, Any]:
        """What it found, as tune.json has it, of its trials.

        Raises:
            ConfigError: the record of a trial cannot be read.
        """
        asked = self._asked(each, left)
        return document_of(_told(read_measured(asked.trials), over=True), asked)


def _told(measured: Sequence[Measured], *, over: bool) -> Found:
    return Found(list(measured), over, confirmed_by=CONFIRMED_BY)
