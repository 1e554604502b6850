"""The configuration of one run of a search: that of the user, at one rate, short or in full."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sut.config.names import ModeChoice, Scenario
from sut.config.sources import Loaded
from sut.plan.rate import changed

TRIAL_SAMPLES = 100
"""LoadGen issues whole multiples of so many samples in a trial, not of a whole data set."""
OVER_EXPECTED = 6
"""A trial has so many queries that as many as this may be over a percentile's limit."""
SHARE_OF_FULL = 0.25
LEAST_S, MOST_S = 15.0, 120.0
PROFILE = "quick"
"""A trial relaxes duration and counts, so its label is quick, whatever it is a trial for."""


def confirmation_of(loaded: Loaded, scenario: Scenario, rate: float, out: Path) -> Loaded:
    """A run of full length at this rate: the user's own configuration."""
    return _with(loaded, _common(scenario, rate, out), "peak: the confirmation")


def trial_of(
    loaded: Loaded,
    scenario: Scenario,
    rate: float,
    out: Path,
    seconds: float | None,
    origin: str = "peak: a trial",
) -> Loaded:
    """A short run at this rate, with the limits, percentiles and lengths of the full one.

    Args:
        loaded: the user's configuration.
        scenario: Server or Interactive.
        rate: queries/s.
        out: folder for its session.
        seconds: how long at least; None: a quarter of the full length, 15 to 120 s.
        origin: who asks for it.
    """
    config = loaded.config
    rules = config.latency_rules(scenario)
    lasts_s = min(max(SHARE_OF_FULL * rules.min_duration_s, LEAST_S), MOST_S)
    lasts_s = min(lasts_s if seconds is None else seconds, rules.min_duration_s)
    queries = math.ceil(OVER_EXPECTED / (1 - rules.latency_percentile / 100) * (1 - 1e-9))
    whole = max(rules.min_query_count, math.floor(rate * rules.min_duration_s))
    changes = _common(scenario, rate, out) | {
        "profile": PROFILE,
        f"{scenario.section}.min_duration_s": round(lasts_s, 3),
        f"{scenario.section}.min_query_count": min(queries, whole),
        "loadgen.performance_sample_count": min(
            config.loadgen.performance_sample_count or TRIAL_SAMPLES, TRIAL_SAMPLES
        ),
    }
    return _with(loaded, changes, origin)


def _common(scenario: Scenario, rate: float, out: Path) -> dict[str, Any]:
    return {
        "scenarios": (scenario,),
        "mode": ModeChoice.PERFORMANCE,
        "results_dir": out,
        f"{scenario.section}.target_qps": rate,
        f"{scenario.section}.probe_rate": False,
    }


def _with(loaded: Loaded, changes: Mapping[str, Any], origin: str) -> Loaded:
    return changed(loaded, {key: (value, origin) for key, value in changes.items()})
