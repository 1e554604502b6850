"""A stage whose rate is searched for: `sut peak` as a stage of a campaign.

What it leaves is the search's confirmation, a run of full length that is VALID: the performance run
of its scenario. The accuracy and compliance runs of that scenario take its rate.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from sut.campaign.measuring import Measuring, holds
from sut.config.names import Mode, Scenario
from sut.errors import RunError
from sut.peak.find import Asked, Found, find_peak
from sut.peak.report import write_found
from sut.peak.search import Wishes
from sut.plan.rate import with_probe_for
from sut.record.session import read_session

ORIGIN = "campaign"
RATE = ("target_qps", "probe_rate")
WISHES = Wishes(first=0.0)
"""How long it goes on: as `sut peak` without flags. The first rate is the configuration's."""


def inputs_of(each: Measuring) -> dict[str, Any]:
    """All that decides what a search finds; where it begins does not."""
    inputs = each.inputs()
    section = inputs["config"][each.run.scenario.section]
    kept = {key: value for key, value in section.items() if key not in RATE}
    config = inputs["config"] | {each.run.scenario.section: kept}
    return inputs | {"config": config, "searched": [WISHES.tolerance, WISHES.trials]}


def is_found(each: Measuring, left: Path) -> bool:
    """Whether a confirmation that was kept is still one, but for its rate as the plan has it."""
    section = each.run.scenario.section
    return holds(each, left, free=frozenset(f"{section}.{key}" for key in RATE))


def rate_of(session: Path, scenario: Scenario) -> float:
    """The rate that a confirmation ran at, queries/s.

    Raises:
        LogError: the session cannot be read.
    """
    return read_session(session).config.latency_rules(scenario).target_qps


def find(each: Measuring, out: Path, console: Console) -> Path:
    """Search, or go on with the search of these inputs.

    Args:
        each: the performance run whose rate is wanted.
        out: the campaign's folder.
        console: for progress.

    Returns:
        The session of the confirmation.

    Raises:
        KeyboardInterrupt: the user ended it; the next call goes on.
        RunError: no rate is confirmed.
        HarnessError: bad input, or an engine that did not start.
    """
    assert each.run.mode is Mode.PERFORMANCE
    scenario, text = each.run.scenario, json.dumps(inputs_of(each), sort_keys=True, default=str)
    # A search of other inputs is another search: it has a folder of its own.
    folder = out / "peaks" / f"{scenario.value}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    asked = Asked(
        loaded=with_probe_for(each.loaded, scenario, ORIGIN),
        scenario=scenario,
        out=folder,
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


def _confirmation(found: Found, rate: float) -> Path:
    full = (each for each in reversed(found.runs) if each.full and each.valid)
    return next(each.folder for each in full if each.rate == rate)
