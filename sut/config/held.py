"""What a profile holds: values that no source may change, and whether a configuration has them.

Every way in is judged by `broken`: files, flags, environment, a resolved file, a library's call,
and the folder of a session whose result is built.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sut.config.engine_traits import Refused
from sut.config.keys import Setting, checked, require_known, show, value_at
from sut.config.names import Scenario
from sut.config.official import of_benchmark
from sut.config.round_values import round_settings
from sut.config.rounds import Round
from sut.config.schema import RunConfig
from sut.config.selection import known_settings
from sut.config.shipped import CONF_ROOT
from sut.config.yaml_tree import read_leaves

_UNORDERED = "model.eos_token_ids"


@dataclass(frozen=True)
class Profile:
    """A file of user_confs/profiles: its settings, and three lists of keys."""

    name: str
    settings: tuple[Setting, ...]
    from_round: tuple[str, ...]
    """Keys whose value the round supplies."""
    fixed: tuple[str, ...]
    """Keys that no other source may set to another value."""
    at_least: tuple[str, ...]
    """Keys that no other source may set to less."""


@dataclass(frozen=True)
class Broken:
    """A value that is not the one that is held."""

    key: str
    sentence: str
    remedy: str


@cache
def load_profile(name: str) -> Profile:
    """Read a profile's file.

    Raises:
        ConfigError: the file is malformed or names an unknown key.
    """
    lists: dict[str, tuple[str, ...]] = {"from_round": (), "fixed": (), "at_least": ()}
    plain = []
    for leaf in read_leaves(CONF_ROOT / "profiles" / f"{name}.yaml"):
        if leaf.path[0] in lists:
            lists[leaf.path[0]] = tuple(leaf.value)
        else:
            plain.append(leaf)
    for listed, keys in lists.items():
        for key in keys:
            require_known(Setting(key, f"listed under {listed}", f"{name}.yaml"))
    return Profile(name, tuple(known_settings(plain)), **lists)


def held_values(
    profile: Profile, rules: Round, benchmark: str, first: Scenario | None
) -> dict[str, Setting]:
    """Each fixed key and the value that round and profile give it."""
    of_round = round_settings(rules, benchmark, first, profile.from_round)
    given = {setting.key: setting for setting in (*of_round, *profile.settings)}
    return {key: given[key] for key in profile.fixed if key in given}


def broken(config: RunConfig, rules: Round) -> list[Broken]:
    """Every value that profile, round or benchmark fixes otherwise."""
    profile = load_profile(config.profile)
    held = held_values(profile, rules, config.model.benchmark, config.scenarios[0])
    found = [
        of_profile(Setting(key, value_at(config, key), ""), setting, profile.name)
        for key, setting in held.items()
        if value_at(config, key) != checked(setting)
    ]
    found += [
        _too_little(config, setting)
        for setting in profile.settings
        if setting.key in profile.at_least and value_at(config, setting.key) < checked(setting)
    ]
    if profile.fixed and config.model.official:
        found += _of_weights(config)
    own = config.engine.own
    if profile.fixed and own is not None:
        found += map(_by_engine, own.refused(strict=True))
    return found


def unfit(config: RunConfig) -> list[Broken]:
    """Settings that the engine must not be given in any profile, and those that it does not have.

    What it has depends on what is installed here, so no record is judged by this.
    """
    own = config.engine.own
    if own is None:
        return []
    return list(map(_by_engine, (*own.refused(strict=False), *own.not_installed())))


def _by_engine(refused: Refused) -> Broken:
    sentence = f"{refused.key} is {show(refused.value)}, {refused.why}."
    return Broken(refused.key, sentence, refused.remedy)


def of_profile(setting: Setting, held: Setting, profile: str) -> Broken:
    """That a setting is not what the profile holds, in words."""
    return Broken(
        setting.key,
        f"{setting.key} is {show(setting.value)}, but the {profile} profile holds it at "
        f"{show(checked(held))} ({held.origin}).",
        "Remove it, or choose --profile quick.",
    )


def _too_little(config: RunConfig, least: Setting) -> Broken:
    return Broken(
        least.key,
        f"{least.key} is {show(value_at(config, least.key))}, but the {config.profile} profile "
        f"asks for {show(checked(least))} at least ({least.origin}).",
        "Raise it or leave it out, or choose --profile quick.",
    )


def _of_weights(config: RunConfig) -> list[Broken]:
    """What the benchmark fixes along with its weights."""
    known = of_benchmark(config.model.benchmark)
    others = [
        {
            key: setting
            for key, setting in each.held.items()
            if not _equal(key, value_at(config, key), checked(setting))
        }
        for each in known
    ]
    return [
        Broken(
            key,
            f"{key} is {show(value_at(config, key))}, but the weights of "
            f"{config.model.benchmark} go with {show(checked(setting))} ({setting.origin}).",
            "Remove it, or set model.official=false.",
        )
        for key, setting in min(others, key=len, default={}).items()
    ]


def _equal(key: str, ours: Any, theirs: Any) -> bool:
    if key == _UNORDERED:
        return set(ours) == set(theirs)
    return bool(ours == theirs)
