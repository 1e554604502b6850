"""Settings of an engine of another package: engine.options.*, held to the engine's own model."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from sut.config.engine_kinds import engine_kind
from sut.config.engine_traits import EngineOptions
from sut.config.keys import (
    OPTIONS,
    Setting,
    everywhere,
    instead_of_key,
    refuse_yes_or_no,
    sentence,
    show,
    value_as,
)
from sut.config.schema import RunConfig, engine_sections
from sut.errors import ConfigError


def typed(settings: Mapping[str, Setting], default_kind: str) -> dict[str, Setting]:
    """The settings with the text of each option read as the engine's field takes it.

    Args:
        settings: those that win, by key.
        default_kind: of the engine, where no setting names one.

    Raises:
        ConfigError: the engine is not installed, or has no such option.
    """
    kind = settings.get("engine.kind") or Setting("engine.kind", default_kind, "default")
    found = dict(settings)
    for key, setting in settings.items():
        plain = everywhere(key)
        if plain.startswith(OPTIONS):
            field = _field(kind, Setting(plain, setting.value, setting.origin))
            if isinstance(setting.value, str):
                value = value_as(field, key, setting.value, setting.origin)
                found[key] = Setting(key, value, setting.origin)
    return found


def with_options(config: RunConfig, origins: Mapping[str, str]) -> RunConfig:
    """The configuration with every option of its engine, the defaults filled in.

    Args:
        config: of a run.
        origins: where each value is from; what is not there is from where the engine's kind is.

    Raises:
        ConfigError: the engine is not installed, or an option is unknown or unfit.
    """
    engine = config.engine
    kind = Setting("engine.kind", engine.kind, origins["engine.kind"])
    for name, value in engine.options.items():
        key = f"{OPTIONS}{name}"
        setting = Setting(key, value, origins.get(key, kind.origin))
        refuse_yes_or_no(setting, _field(kind, setting))
    if engine.kind in engine_sections():
        return config
    try:
        made = _options(kind).model_validate(engine.options)
    except ValidationError as error:
        path = [part for part in error.errors()[0]["loc"] if isinstance(part, str)]
        key = f"{OPTIONS}{path[0]}" if path else OPTIONS.rstrip(".")
        raise ConfigError(sentence(error, key), where=origins.get(key, kind.origin)) from error
    update = {"options": made.model_dump(mode="json")}
    return config.model_copy(update={"engine": engine.model_copy(update=update)})


def _options(kind: Setting) -> type[EngineOptions]:
    """The model of an engine's options; an engine that is not there is its chooser's mistake."""
    try:
        return engine_kind(str(kind.value)).options
    except ConfigError as error:
        raise ConfigError(
            error.message, where=error.where or kind.origin, remedy=error.remedy
        ) from error


def _field(kind: Setting, setting: Setting) -> FieldInfo:
    """The field of an option.

    Raises:
        ConfigError: the engine has none of this name.
    """
    name, said = setting.key.removeprefix(OPTIONS), f"{setting.key} is {show(setting.value)}"
    if kind.value in engine_sections():
        raise ConfigError(
            f"{said}, but engine {kind.value} has its settings in engine.{kind.value}.",
            where=setting.origin,
            remedy=instead_of_key(f"engine.{kind.value}.{name}"),
        )
    fields: Mapping[str, Any] = _options(kind).model_fields
    if name in fields:
        found: FieldInfo = fields[name]
        return found
    near = difflib.get_close_matches(name, fields, n=1, cutoff=0.0)
    raise ConfigError(
        f"{said}, but engine {kind.value} has no such option.",
        where=setting.origin,
        remedy=f"The nearest is {OPTIONS}{near[0]}." if near else "Leave it out.",
    )
