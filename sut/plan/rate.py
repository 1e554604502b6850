"""Whose rate a probe is to measure before the first run, and what LoadGen is then given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sut.config.keys import Setting, values_of
from sut.config.names import Mode, Scenario
from sut.config.scenario_sections import SingleStreamConfig
from sut.config.schema import RunConfig
from sut.config.sources import Loaded, resolved, shipped

MEASURED = "measured"
"""How the origin of a rate begins that a probe found."""
FITTED = "fitted to "
"""How the origin of a value begins that follows from the card's figures (`sut.inputs.fit`)."""


def probed(config: RunConfig, origins: Mapping[str, str]) -> tuple[Scenario, ...]:
    """The scenarios whose rate is to be measured, in their order.

    An accuracy run alone has no use for it, nor has an Offline run without a minimum duration: its
    count sizes it. An engine without a model has no rate that a profile could be for: it is
    measured only where a user asks.
    """
    if set(config.mode.modes) == {Mode.ACCURACY}:
        return ()
    has_model = config.engine.planned().has_model
    return tuple(
        scenario
        for scenario in config.scenarios
        if asks_for_probe(config, scenario)
        and (scenario is not Scenario.OFFLINE or config.offline.min_duration_s > 0)
        and (has_model or not shipped(origins.get(f"{scenario.section}.probe_rate", "")))
    )


def asks_for_probe(config: RunConfig, scenario: Scenario) -> bool:
    """Whether the configuration says `target_qps: auto`, whoever said it."""
    section = config.section(scenario)
    return not isinstance(section, SingleStreamConfig) and section.probe_rate


def at_the_rates_of(loaded: Loaded, measured: Mapping[str, float]) -> Loaded:
    """For repeats: the rates that the first session found, and none is measured again.

    Args:
        loaded: as asked.
        measured: `target_qps` by section.
    """
    changes, origins = {}, dict(loaded.origins)
    for section, rate in measured.items():
        asked = getattr(loaded.config, section)
        if asked.probe_rate:
            changes[section] = asked.model_copy(update={"target_qps": rate, "probe_rate": False})
            origins[f"{section}.target_qps"] = "measured in the first session"
            origins[f"{section}.probe_rate"] = "measured in the first session"
    return replace(loaded, config=loaded.config.model_copy(update=changes), origins=origins)


def with_probe_for(loaded: Loaded, scenario: Scenario, origin: str) -> Loaded:
    """The configuration with the rate of a scenario measured first, unless a user gave it.

    Args:
        loaded: as resolved.
        scenario: one that has a rate.
        origin: who asks for it.
    """
    given = loaded.origins.get(f"{scenario.section}.target_qps", "default")
    if given != "default" and not shipped(given) and not given.startswith(FITTED):
        return loaded
    return changed(loaded, {f"{scenario.section}.probe_rate": (True, origin)})


def with_rates(loaded: Loaded, rates: Mapping[Scenario, tuple[float, str]]) -> Loaded:
    """The configuration with these rates.

    Args:
        loaded: as resolved.
        rates: queries/s (samples/s in Offline), and where each is from.
    """
    return changed(loaded, {f"{each.section}.target_qps": of for each, of in rates.items()})


def changed(loaded: Loaded, changes: Mapping[str, tuple[Any, str]]) -> Loaded:
    """The configuration with other values, each with where it is from."""
    winners = {
        key: Setting(key, value, loaded.origins.get(key, "default"))
        for key, value in values_of(loaded.config).items()
    }
    origins = dict(loaded.origins)
    for key, (value, origin) in changes.items():
        winners[key] = Setting(key, value, origin)
        origins[key] = origin
    return resolved(winners, origins, loaded.notes)
