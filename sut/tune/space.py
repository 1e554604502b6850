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


def space_of(config: RunConfig, given: Sequence[str] = ()) -> Space:
    """What is searched.

    Args:
        config: of one scenario, with the engine that answers it.
        given: `KEY=VALUE,VALUE`, in place of what the engine and the platform have.

    Raises:
        ConfigError: a key or value that is none, or an engine that nothing is known of.
    """
    own, prefix = config.engine.own, config.engine.prefix
    known = {} if own is None else own.searched(config.system.platform)
    wanted = [_given(each) for each in given]
    wanted = wanted or [(f"{prefix}{name}", values) for name, values in known.items()]
    if not wanted:
        raise ConfigError(
            f"engine.kind is {config.engine.kind}, of which it is not known what to search.",
            where="engine.kind",
            remedy=f"Say it: --space {prefix}NAME=VALUE,VALUE.",
        )
    now, harmless = values_of(config), frozenset() if own is None else own.leave_answers
    return tuple(
        _with_own(key, values, now.get(key), answers=key.removeprefix(prefix) not in harmless)
        for key, values in wanted
    )


def _given(text: str) -> tuple[str, tuple[Any, ...]]:
    key, equals, values = text.partition("=")
    key, origin = key.strip(), "--space"
    if not equals or not varies(key) or len(values.split(",")) < 2:
        raise ConfigError(
            f"{text} is no setting of the engine with two values or more.",
            where=origin,
            remedy="Give one, e.g. --space engine.vllm.max_num_seqs=64,128,256.",
        )
    require_known(Setting(key, values, origin))
    read = [value_of_text(key, each.strip(), origin) for each in values.split(",")]
    return key, tuple(checked(Setting(key, each, origin)) for each in read)


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
