"""Which settings of the engine are searched, and with which values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from sut.config.keys import Setting, checked, require_known, show, value_of_text, values_of, varies
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.errors import ConfigError

Settings = dict[str, Any]
"""Dotted key → value, of every parameter of a space."""


@dataclass(frozen=True)
class Parameter:
    """One setting and its values.

    Attributes:
        key: dotted.
        values: numbers in rising order.
        answers: whether it could change what is answered; of one that nobody looked at, yes.
    """

    key: str
    values: tuple[Any, ...]
    answers: bool

    @property
    def ordered(self) -> bool:
        """Whether neighbours are alike: numbers, and none of them a yes or no."""
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)


Space = tuple[Parameter, ...]


@dataclass(frozen=True)
class Wanted:
    """A setting that a user wants searched.

    Attributes:
        key: dotted.
        values: as they were read.
        origin: where that is said.
    """

    key: str
    values: tuple[Any, ...]
    origin: str


def space_of(config: RunConfig, given: Sequence[Wanted] = ()) -> Space:
    """What is searched.

    Args:
        config: of one scenario, with the engine that answers it.
        given: in place of what the engine and the platform have.

    Raises:
        ConfigError: a key or value that is none, or an engine that nothing is known of.
    """
    own, prefix = config.engine.own, config.engine.prefix
    known = {} if own is None else own.searched(config.system.platform)
    wanted = [(each.key, _checked(each)) for each in given]
    wanted = wanted or [(f"{prefix}{name}", values) for name, values in known.items()]
    if not wanted:
        raise ConfigError(
            f"engine.kind is {config.engine.kind}, of which it is not known what to search.",
            where="engine.kind",
            remedy=f"Say it: --space {prefix}NAME=VALUE,VALUE; in a plan, with the word space.",
        )
    now, harmless = values_of(config), frozenset() if own is None else own.leave_answers
    return tuple(
        _with_own(key, values, now.get(key), answers=key.removeprefix(prefix) not in harmless)
        for key, values in wanted
    )


def wanted_of(text: str) -> Wanted:
    """What `--space KEY=VALUE,VALUE` says.

    Raises:
        ConfigError: it is a value that the setting does not take.
    """
    key, _, values = text.partition("=")
    key = key.strip()
    read = [value_of_text(key, each.strip(), "--space") for each in values.split(",")]
    return Wanted(key, tuple(read), "--space")


def _checked(wanted: Wanted) -> tuple[Any, ...]:
    key = wanted.key
    if not varies(key) or len(wanted.values) < 2:
        raise ConfigError(
            f"{key} is no setting of the engine with two values or more.",
            where=wanted.origin,
            remedy="Give one, e.g. --space engine.vllm.max_num_seqs=64,128,256; in a plan, "
            "space: {engine.vllm.max_num_seqs: [64, 128, 256]}.",
        )
    settings = [Setting(key, each, wanted.origin) for each in wanted.values]
    require_known(settings[0])
    return tuple(checked(each) for each in settings)


def _with_own(key: str, values: tuple[Any, ...], own: Any, *, answers: bool) -> Parameter:
    """The value that is set now is one of those searched."""
    found = Parameter(key, values if own in values else (*values, own), answers)
    return replace(found, values=tuple(sorted(found.values))) if found.ordered else found


def settings_of(keys: Iterable[str], config: RunConfig) -> Settings:
    """What a configuration has for these keys."""
    now = values_of(config)
    return {key: now.get(key) for key in keys}


def every_setting(space: Space) -> Iterable[Settings]:
    """All combinations."""
    keys = [each.key for each in space]
    for values in product(*(each.values for each in space)):
        yield dict(zip(keys, values, strict=True))


def shown(settings: Settings) -> str:
    """Settings on one line."""
    return ", ".join(f"{key.rpartition('.')[2]} {show(value)}" for key, value in settings.items())


def flat_engine(config: RunConfig, scenario: Scenario) -> RunConfig:
    """The configuration with the engine of one scenario in every place, and no other."""
    return config.of(scenario).model_copy(update={"by_scenario": {}})
