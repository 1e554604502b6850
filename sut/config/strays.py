"""What a user gave and the call would not use: refused where it would tell a lie, else noted."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

from sut.config.flags import ENVIRONMENT
from sut.config.keys import Setting, leaves, show
from sut.config.names import Mode, Scenario
from sut.config.schema import RunConfig, engine_sections
from sut.errors import ConfigError

_RAY = "engine.ray."
_ADDRESS = f"{_RAY}address"

# What of engine.ray a coordinated run uses, which has no replicas: it finds the nodes, places a
# run on each, and watches them.
OF_COORDINATED = frozenset(
    f"{_RAY}{name}"
    for name in ("address", "cpus_per_replica", "heartbeat_s", "heartbeat_timeout_s")
)
ALL_OF_RAY = frozenset(key for key in leaves() if key.startswith(_RAY))

# Names that mean a rate and look like ours; the scenario is their first word.
_RATE = re.compile(r"(SERVER|OFFLINE|INTERACTIVE|SINGLE_?STREAM)(_?TARGET)?_?QPS?")
_RATE_KEYS = {
    "SERVER": "SERVER_TARGET_QPS",
    "OFFLINE": "OFFLINE_TARGET_QPS",
    "INTERACTIVE": "--set interactive.target_qps=…",
}
_SINGLE_STREAM = "--set single_stream.target_latency_ms=…"
# It only names files, and other tools have names near it: a hint would be a false alarm.
_UNHINTED = frozenset({"NODE_NAME"})
_NEAR = 0.9


def refuse_unused(
    given: Iterable[Setting], replicas: Setting | None, used: Collection[str]
) -> None:
    """Refuse settings of replicas on Ray where there are none.

    Args:
        given: the settings of engine.ray that a user gave and that no later one replaced.
        replicas: the setting of engine.replicas; None: nobody said anything.
        used: the keys that this call uses without replicas, too.

    Raises:
        ConfigError: with the flag to add.
    """
    if replicas is not None and replicas.value is not None:
        return
    for setting in given:
        if setting.key in used or (setting.key == _ADDRESS and setting.value is None):
            continue
        raise _unused(setting, coordinated=bool(used))


def _unused(setting: Setting, *, coordinated: bool) -> ConfigError:
    shown = f"{setting.key} is {show(setting.value)}"
    if coordinated:
        return ConfigError(
            f"{shown}, but a coordinated run has one engine in each run and no replicas.",
            where=setting.origin,
            remedy="Leave it out.",
        )
    if setting.key == _ADDRESS:
        return ConfigError(
            f"{shown}, but nothing in this call would run on that cluster: it would be a run on "
            "this machine alone.",
            where=setting.origin,
            remedy="Add --replicas all (one system of every card there), or --coordinated (run "
            "verb: a run on each node).",
        )
    return ConfigError(
        f"{shown}, but there are no replicas for it to have an effect on.",
        where=setting.origin,
        remedy="Add --replicas N, or leave it out.",
    )


def unread_variables(environment: Mapping[str, str]) -> list[str]:
    """Variables whose names look like one of ours and are not, each with what is read."""
    found = []
    for name in sorted(environment):
        if name in ENVIRONMENT or not environment[name].strip():
            continue
        meant = _meant(name)
        if meant is not None:
            found.append(f"the environment variable {name} is not read; {meant} is")
    return found


def _meant(name: str) -> str | None:
    upper = name.upper()
    for known in ENVIRONMENT.keys() - _UNHINTED:
        # One letter more, less or other; difflib's ratio alone would take a whole word more.
        near = difflib.SequenceMatcher(None, upper, known).ratio() >= _NEAR
        if near and abs(len(upper) - len(known)) <= 1:
            return known
    rate = _RATE.fullmatch(upper)
    return _RATE_KEYS.get(rate[1], _SINGLE_STREAM) if rate else None


def idle_assignments(config: RunConfig, origins: Mapping[str, str]) -> list[str]:
    """Each --set that nothing of this call reads, in words."""
    found = []
    for key, why in _idle(config).items():
        for leaf, origin in origins.items():
            if leaf.startswith(key) and origin == f"--set {leaf}":
                found.append(f"--set {leaf} has no effect: {why}")
    return found


def _idle(config: RunConfig) -> dict[str, str]:
    """Beginnings of keys that are not read, and why."""
    idle = {
        f"{scenario.section}.": f"{scenario} is not among the scenarios"
        for scenario in Scenario
        if scenario not in config.scenarios
    }
    for section in engine_sections() - {config.engine.kind}:
        idle[f"engine.{section}."] = f"the engine is {config.engine.kind}"
    if config.dataset.source != "synthetic":
        idle["dataset.synthetic_"] = f"the data set is of source {config.dataset.source}"
    if Mode.COMPLIANCE not in config.mode.modes:
        idle["compliance."] = f"mode {config.mode.value} makes no compliance run"
    return idle
