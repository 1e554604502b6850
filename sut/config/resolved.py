"""A configuration that another process resolved: read, and checked like any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sut.config.keys import Setting, checked, is_section, leaves, parts, require_known
from sut.config.sources import Loaded, resolved
from sut.config.yaml_tree import read_text
from sut.errors import ConfigError
from sut.json_text import decoded

_VERSIONS = "Install the same version of the harness on every node."
_AS_WRITTEN = "Give the run itself other settings; this file stays as the control node wrote it."


def read_resolved(path: Path) -> Loaded:
    """The configuration as the control node resolved it, held to the rules of any other.

    Raises:
        ConfigError: the file cannot be read, is none of ours, or breaks a rule.
    """
    config, origins = _parts(path)
    try:
        winners = {each.key: each for each in _settings(config, str(path))}
        for setting in winners.values():
            require_known(setting)
            checked(setting)
        missing = [key for key in leaves() if key not in winners]
        if missing:
            raise ConfigError(
                f"is not a resolved configuration: config.{missing[0]} is missing.",
                remedy=_VERSIONS,
            )
        return resolved(winners, origins)
    except ConfigError as error:
        # Whatever its origins say, the value stands in this file.
        remedy = error.remedy if error.remedy == _VERSIONS else _AS_WRITTEN
        raise ConfigError(error.message, where=str(path), remedy=remedy) from error


def _parts(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    text = read_text(path)
    try:
        document = decoded(text)
    except ValueError as error:
        raise _none_of_ours(path, f"it is not JSON ({error})") from error
    found = [
        document.get(name) if isinstance(document, dict) else None for name in ("config", "origins")
    ]
    config, origins = found
    if not isinstance(config, dict) or not isinstance(origins, dict):
        raise _none_of_ours(path, "it has no config and origins")
    other = [key for key, value in origins.items() if not isinstance(value, str)]
    if other:
        raise _none_of_ours(path, f"origins.{other[0]} is not text")
    return config, origins


def _none_of_ours(path: Path, why: str) -> ConfigError:
    return ConfigError(
        f"is not a resolved configuration: {why}.", where=str(path), remedy=_VERSIONS
    )


def _settings(tree: Mapping[str, Any], origin: str, above: str = "") -> Iterator[Setting]:
    """Every value under its dotted key."""
    for name, value in tree.items():
        key = f"{above}{name}"
        if is_section(key) and isinstance(value, dict):
            yield from _settings(value, origin, f"{key}.")
        else:
            yield from parts(Setting(key, value, origin))
