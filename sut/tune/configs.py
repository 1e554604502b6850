"""The configuration of one run of a search over settings: that of the user, with others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sut.config.flags import SMOKE_SAMPLES
from sut.config.names import ModeChoice, Scenario
from sut.config.sources import Loaded
from sut.peak.configs import PROFILE, TRIAL_SAMPLES, trial_of
from sut.plan.rate import changed, with_probe_for
from sut.tune.space import Settings

TRIAL, CONFIRMATION = "tune: a trial", "tune: the confirmation"


@dataclass(frozen=True)
class Sized:
    """How large every trial is, so that each does the same work.

    Attributes:
        seconds: how long a trial is to last with the given settings.
        samples: in Offline; None: the first trial finds out.
        rate: of Server and Interactive, queries/s; None: as the user says, or by a probe.
    """

    seconds: float
    samples: int | None = None
    rate: float | None = None


def trial_config(
    loaded: Loaded, scenario: Scenario, settings: Settings, out: Path, sized: Sized
) -> Loaded:
    """A short run with these settings of the engine.

    Args:
        loaded: the user's configuration, with the engine of the scenario in every place.
        scenario: Offline, Server or Interactive.
        settings: dotted key → value.
        out: folder for its session.
        sized: by what the first trial showed.

    Raises:
        ConfigError: the settings contradict each other, or a rule.
    """
    asked = _with(loaded, settings, TRIAL)
    if scenario is Scenario.OFFLINE:
        return _offline(asked, out, sized)
    rate = sized.rate or loaded.config.latency_rules(scenario).target_qps
    short = trial_of(asked, scenario, rate, out, sized.seconds, TRIAL)
    probes = with_probe_for(loaded, scenario, TRIAL).config.latency_rules(scenario).probe_rate
    wanted = sized.rate is None and probes
    return _with(short, {f"{scenario.section}.probe_rate": wanted}, TRIAL)


def _offline(asked: Loaded, out: Path, sized: Sized) -> Loaded:
    count = asked.config.loadgen.performance_sample_count or TRIAL_SAMPLES
    changes = {
        "profile": PROFILE,
        "scenarios": (Scenario.OFFLINE,),
        "mode": ModeChoice.PERFORMANCE,
        "results_dir": out,
        "offline.probe_rate": sized.samples is None,
        "offline.min_duration_s": 0.0 if sized.samples else sized.seconds,
        "offline.min_query_count": sized.samples or 1,
        "loadgen.performance_sample_count": min(count, TRIAL_SAMPLES),
    }
    return _with(asked, changes, TRIAL)


def smoke_config(trial: Loaded, out: Path) -> Loaded:
    """The accuracy of the first samples, with the settings of a trial."""
    changes = {
        "mode": ModeChoice.ACCURACY,
        "dataset.max_samples": SMOKE_SAMPLES,
        "loadgen.performance_sample_count": None,
        "results_dir": out,
    }
    return _with(trial, changes, TRIAL)


def confirmation_config(
    loaded: Loaded, scenario: Scenario, settings: Settings, out: Path, sized: Sized
) -> Loaded:
    """A run of full length with these settings: the user's own configuration otherwise."""
    changes: dict[str, Any] = {
        "scenarios": (scenario,),
        "mode": ModeChoice.PERFORMANCE,
        "results_dir": out,
    }
    if scenario is not Scenario.OFFLINE:
        changes |= {f"{scenario.section}.target_qps": sized.rate}
        changes |= {f"{scenario.section}.probe_rate": False}
        return _with(loaded, settings | changes, CONFIRMATION)
    # A faster engine would be done before the minimum duration, so the rate is measured again.
    return with_probe_for(_with(loaded, settings | changes, CONFIRMATION), scenario, CONFIRMATION)


def _with(loaded: Loaded, changes: Mapping[str, Any], origin: str) -> Loaded:
    return changed(loaded, {key: (value, origin) for key, value in changes.items()})
