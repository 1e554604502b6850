"""YAML files as flat lists of leaves that remember their line; a key given twice is an error."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sut.config import shipped
from sut.errors import ConfigError

# More than any file of this project nests; an alias can make a mapping hold itself.
MAX_DEPTH = 12


@dataclass(frozen=True)
class Leaf:
    """One value of a file; `path` holds the keys that lead to it, as written."""

    path: tuple[str, ...]
    value: Any
    origin: str


def shown_path(path: Path) -> str:
    """A shipped file from the repository's root, any other as it was given."""
    try:
        return str(path.relative_to(shipped.CONF_ROOT.parent))
    except ValueError:
        return str(path)


def read_text(
    path: Path, name: str = "the file", remedy: str | None = None, *, lenient: bool = False
) -> str:
    """A file's text, without a byte order mark, its lines ending as on this system.

    Args:
        path: the file.
        name: what it is to the user.
        remedy: what to do where it cannot be opened.
        lenient: take bytes that are not UTF-8, e.g. of a name in a comment, for unknown letters.

    Raises:
        ConfigError: the file cannot be opened, or is not UTF-8, naming line and byte.
    """
    try:
        data = path.read_bytes()
        errors = "replace" if lenient and b"\0" not in data else "strict"
        text = data.decode("utf-8-sig", errors)
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ConfigError(
            f"{name} cannot be read: {error.strerror}.", where=str(path), remedy=remedy
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{name} is not UTF-8 text: it has the byte 0x{error.object[error.start]:02x}.",
            where=f"{path}:{line}",
            remedy="Save it as UTF-8.",
        ) from error


def read_leaves(path: Path) -> list[Leaf]:
    """Every leaf of a YAML file whose top is a mapping.

    Raises:
        ConfigError: unreadable or malformed, naming the line.
    """
    name = shown_path(path)
    text = read_text(path)
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError("the file must hold keys and values.", where=f"{name}:1")
        return list(_leaves(loader, node, (), name))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"not valid YAML: {error.problem}.", where=f"{name}{line}") from error
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"not valid YAML: {reason}.", where=name) from error


def _leaves(
    loader: yaml.SafeLoader, node: yaml.MappingNode, above: tuple[str, ...], name: str
) -> Iterator[Leaf]:
    seen: dict[str, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        origin = f"{name}:{line}"
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError("a key must be a plain word.", where=origin)
        # The text as written: a section is named `null`, which YAML would read as a value.
        key = key_node.value
        path = (*above, key)
        if key in seen:
            raise ConfigError(
                f"{'.'.join(path)} is given twice, first in line {seen[key]}.",
                where=origin,
                remedy="Remove one.",
            )
        seen[key] = line
        if len(path) > MAX_DEPTH:
            raise ConfigError("the keys lead too deep, or back to themselves.", where=origin)
        if isinstance(value_node, yaml.MappingNode):
            yield from _leaves(loader, value_node, path, name)
        else:
            yield Leaf(path, _value(loader, value_node, origin), origin)


def _value(loader: yaml.SafeLoader, node: yaml.Node, origin: str) -> Any:
    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:
        # A date that the calendar lacks, e.g. 2026-02-30.
        raise ConfigError(f"the value cannot be read: {error}.", where=origin) from error
