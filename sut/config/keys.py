"""The dotted keys of RunConfig: which exist, which is nearest to a typo, what text means for one.

A leaf is a field that holds a value; a section is a field that holds fields. Two sections have
fields that are not ours: for engine.options `sut.config.engine_options` asks the engine, for
engine.vllm.extra `sut.config.vllm_extra` asks vLLM. Where a value of the second is a mapping, its
parts are keys as well. A setting of the engine may have another value in one scenario: its key is
then by_scenario.SCENARIO.KEY.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from sut.config.names import Scenario
from sut.config.natural import natural
from sut.config.schema import RunConfig, engine_sections
from sut.config.vllm_extra import EXTRA, flat
from sut.config.yaml_tree import PlainLoader
from sut.errors import ConfigError

OPTIONS = "engine.options."
FOREIGN = (OPTIONS, EXTRA)
"""Beginnings of the keys whose names are an engine's own."""
BY_SCENARIO = "by_scenario."
_SCENARIOS = tuple(f"{BY_SCENARIO}{scenario.value}" for scenario in Scenario)
_ANY = FieldInfo(annotation=Any)
MOST_SHOWN = 300


@dataclass(frozen=True)
class Setting:
    """One value that one source gives to one key."""

    key: str
    value: Any
    origin: str


def everywhere(key: str) -> str:
    """The key that holds in every scenario, of one that holds in a single one; others as is."""
    for above in _SCENARIOS:
        if key.startswith(f"{above}."):
            return key.removeprefix(f"{above}.")
    return key


def in_one(key: str) -> list[str]:
    """The keys by which a setting has another value in a single scenario."""
    return [f"{above}.{key}" for above in _SCENARIOS]


def varies(key: str) -> bool:
    """Whether a setting may have another value in a single scenario: it is the engine's own."""
    return key.startswith((OPTIONS, *(f"engine.{section}." for section in engine_sections())))


def is_section(key: str) -> bool:
    """Whether a key holds fields, those for a single scenario included."""
    return key in (BY_SCENARIO[:-1], *_SCENARIOS) or everywhere(key) in sections()


@cache
def leaves() -> dict[str, FieldInfo]:
    """Every leaf of RunConfig by its dotted key, in the order of the schema."""
    return dict(_walk(RunConfig, ""))


@cache
def sections() -> frozenset[str]:
    """Every section of RunConfig by its dotted key."""
    parents = (key.split(".")[:-1] for key in (*leaves(), *FOREIGN))
    return frozenset(".".join(path[: i + 1]) for path in parents for i in range(len(path)))


def _walk(model: type[BaseModel], prefix: str) -> list[tuple[str, FieldInfo]]:
    found: list[tuple[str, FieldInfo]] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _walk(kind, f"{prefix}{name}.")
        elif f"{prefix}{name}." not in (*FOREIGN, BY_SCENARIO):
            found.append((f"{prefix}{name}", field))
    return found


def nearest(key: str) -> str | None:
    """The valid key that looks most like `key`; None where none does.

    Within a section that there is, one of its own keys is always found.
    """
    section, _, name = key.rpartition(".")
    inside = {each.rpartition(".")[2]: each for each in leaves() if each.startswith(f"{section}.")}
    if section in sections() and inside:
        holding = [each for each in inside if name and name in each]
        return inside[(holding or difflib.get_close_matches(name, inside, n=1, cutoff=0.0))[0]]
    names = [*leaves(), *sorted(sections())]
    by_end = {name.rpartition(".")[2]: name for name in reversed(names)}
    whole = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    if whole:
        return whole[0]
    end = difflib.get_close_matches(key.rpartition(".")[2], by_end, n=1, cutoff=0.6)
    if end:
        return by_end[end[0]]
    return None


def instead_of_key(key: str) -> str:
    """What to do about a key that there is not."""
    told = natural(f"--{key.replace('_', '-')}", leaves()) if "." not in key else None
    near = nearest(key)
    return told or (f"The nearest is {near}." if near else "--dry-run shows every key.")


def require_known(setting: Setting) -> None:
    """Refuse a key that is not a leaf.

    Raises:
        ConfigError: names the nearest valid key, or says that the key is a section.
    """
    key, shown = setting.key, show(setting.value)
    if key.startswith(BY_SCENARIO):
        _require_varying(setting)
        key = everywhere(key)
    if key in leaves() or key.startswith(FOREIGN):
        return
    if key in sections():
        inside = ", ".join(name for name in leaves() if name.startswith(f"{key}."))
        inside = inside or f"the engine's own, as {key}.NAME"
        raise ConfigError(
            f"{key} is {shown}, but it is a section.",
            where=setting.origin,
            remedy=f"Set one of {inside}.",
        )
    raise ConfigError(
        f"{key} is {shown}, but there is no such key.",
        where=setting.origin,
        remedy=instead_of_key(key),
    )


def _require_varying(setting: Setting) -> None:
    key = everywhere(setting.key)
    if key == setting.key:
        raise ConfigError(
            f"{key} is {show(setting.value)}, but a scenario's name and a key go after "
            f"{BY_SCENARIO[:-1]}.",
            where=setting.origin,
            remedy=f"The scenarios are {', '.join(Scenario)}.",
        )
    if not varies(key):
        raise ConfigError(
            f"{setting.key} is {show(setting.value)}, but only the engine's own settings differ "
            "between scenarios.",
            where=setting.origin,
            remedy=f"Set {key}, which holds in all of them."
            if key in leaves()
            else instead_of_key(key),
        )


def _holds(annotation: Any, *wanted: Any) -> bool:
    """Whether a type, or a member of its union, is one of `wanted`, derives from it or is it."""
    if get_origin(annotation) in wanted or annotation in wanted:
        return True
    if isinstance(annotation, type):
        return any(isinstance(kind, type) and issubclass(annotation, kind) for kind in wanted)
    if get_origin(annotation) in (tuple, list):
        return False
    return any(_holds(part, *wanted) for part in get_args(annotation))


def value_of_text(key: str, text: str, origin: str) -> Any:
    """What the text of a flag or an environment variable means for `key`.

    Text stays text for a key that takes text; otherwise it is read as a YAML value, so that
    `null`, `true`, `8.5` and `[Offline, Server]` mean what they mean in a file.
    """
    plain = everywhere(key)
    field = _ANY if plain.startswith(EXTRA) else leaves().get(plain)
    return text if field is None else value_as(field, key, text, origin)


def value_as(field: FieldInfo, key: str, text: str, origin: str) -> Any:
    """`value_of_text`, for a field that is known."""
    if text in ("null", "~") and type(None) in get_args(field.annotation):
        return None
    if _holds(field.annotation, str, Path, Literal):
        return text
    try:
        value = yaml.load(text, Loader=PlainLoader)
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{key} is {show(text)}, which cannot be read.", where=origin) from error
    if isinstance(value, str) and _holds(field.annotation, tuple):
        return [part.strip() for part in value.split(",")]
    return value


def checked(setting: Setting) -> Any:
    """The setting's value as its field's type.

    Raises:
        ConfigError: wrong type or out of bounds.
    """
    key = everywhere(setting.key)
    _refuse_bytes(setting)
    if key.startswith(FOREIGN):
        return setting.value  # held to what the engine has once its kind is known
    field = leaves()[key]
    refuse_yes_or_no(setting, field)
    annotation: Any = field.annotation
    try:
        return TypeAdapter(annotation).validate_python(setting.value)
    except ValidationError as error:
        raise ConfigError(sentence(error, setting.key), where=setting.origin) from error


def _refuse_bytes(setting: Setting) -> None:
    """Refuse bytes of the command line that are no text, and the zero byte, which no path has."""
    text = _shown(setting.value)
    if "\0" in text:
        raise ConfigError(
            f"{setting.key} is {show(setting.value)}, which has a zero byte.",
            where=setting.origin,
            remedy="Leave it out.",
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{setting.key} is {show(setting.value)}, which is not UTF-8.", where=setting.origin
        ) from error


def refuse_yes_or_no(setting: Setting, field: FieldInfo) -> None:
    """Refuse true and false where a number or text is meant: Python takes them for 1 and 0.

    Raises:
        ConfigError: naming key and value.
    """
    if isinstance(setting.value, bool) and not _holds(field.annotation, bool):
        raise ConfigError(
            f"{setting.key} is {show(setting.value)}, must be a number or text, not a yes or no.",
            where=setting.origin,
        )


def parts(setting: Setting) -> list[Setting]:
    """The setting; of a mapping that vLLM takes, each of its values under a key of its own."""
    whole = not everywhere(setting.key).startswith(EXTRA)
    if whole or not isinstance(setting.value, Mapping) or not setting.value:
        return [setting]
    values = flat(setting.value, f"{setting.key}.")
    return [Setting(key, value, setting.origin) for key, value in values.items()]


def replaced_by(key: str, earlier: Collection[str]) -> list[str]:
    """Which of the earlier keys a later value of `key` stands for.

    Itself, of a mapping its parts and its whole, and the values for single scenarios.
    """
    keys = (key, *in_one(key)) if varies(key) else (key,)
    if not everywhere(key).startswith(EXTRA):
        return [each for each in keys if each in earlier]
    return [
        each
        for each in earlier
        if any(f"{each}.".startswith(f"{mine}.") or f"{mine}.".startswith(f"{each}.")
               for mine in keys)
    ]  # fmt: skip


def value_at(config: RunConfig, key: str) -> Any:
    """The configuration's value of a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = getattr(value, part)
    return value


def values_of(config: RunConfig) -> dict[str, Any]:
    """Every value of a configuration by its dotted key, those with an engine's own names last."""
    found = {key: value_at(config, key) for key in leaves()}
    found |= {f"{OPTIONS}{name}": value for name, value in config.engine.options.items()}
    found |= flat(value_at(config, EXTRA[:-1]), EXTRA)
    return found | flat(config.by_scenario, BY_SCENARIO)


def sentence(error: ValidationError, prefix: str = "") -> str:
    """The first complaint of a validation as one sentence, without the library's own words."""
    first = error.errors(include_url=False)[0]
    path = ".".join(part for part in first["loc"] if isinstance(part, str))
    key = prefix or path
    message = first["msg"]
    if first["type"] == "missing":
        return f"{key} is missing."
    if first["type"] == "value_error":
        return f"{key}: {message.removeprefix('Value error, ')}."
    if first["type"] == "int_parsing_size":
        message = "must be a number of far fewer digits"
    if first["type"].endswith(("_parsing", "_type")):
        message = message.partition(", unable")[0]
    wanted = message.replace("Input should be", "must be").replace("String should", "must")
    wanted = re.sub(r"\b(Tuple|Dictionary|List|Set) should", "must", wanted)
    # Pydantic names Python's types; a user writes YAML.
    wanted = re.sub(r"\ba valid (tuple|list)\b", "a list", wanted)
    wanted = wanted.replace("a valid dictionary", "keys and values")
    wanted = wanted.replace(" after validation", "")
    return f"{key} is {show(first['input'])}, {wanted[0].lower()}{wanted[1:]}."


def show(value: Any) -> str:
    """A value as it would stand in YAML, on one line; of a long one the beginning."""
    text = _shown(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}… ({len(text)} characters)"


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(_shown(item) for item in value)}]"
    return str(value) if str(value) != "" else '""'
