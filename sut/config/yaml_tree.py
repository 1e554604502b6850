"""YAML files as flat lists of leaves that remember their line; a key given twice is an error.

A word means what a person reads in it. YAML 1.1 makes 8 of 010, 750 of 12:30, 1000 of 1_000, a date
of 2026-02-03 and false of no, off and n; here only plain decimals are numbers and only true and
false are truth values, as in YAML 1.2. All else is text, and a field that takes none refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sut.config import shipped
from sut.errors import ConfigError
from sut.given_file import NOT_A_FILE, given_bytes

# More than any file of this project nests.
MAX_DEPTH = 12


# Lists and mappings, each in another: a value is no tree.
MOST_NESTED = 40
# An alias stands for all that it names: ten lines of them can make a billion values.
MOST_VALUES = 10_000


class PlainLoader(yaml.SafeLoader):
    """A loader for which few words are more than text, and which makes no more than it was given.

    Raises:
        yaml.MarkedYAMLError: of a document that is nested too deeply, or holds too many values.
    """

    def __init__(self, text: str):
        super().__init__(text)
        self._nested = self._made = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """A value, and all that is in it."""
        self._nested += 1
        self._made += 1
        try:
            if self._nested > MOST_NESTED:
                raise _refused("it is nested too deeply", self.get_mark())
            if self._made > MOST_VALUES:
                raise _too_many(self.get_mark())
            return super().compose_node(parent, index)
        finally:
            self._nested -= 1

    def get_single_node(self) -> yaml.Node | None:
        """The document."""
        node = super().get_single_node()
        if node is not None and _values(node, {}) > MOST_VALUES:
            raise _too_many(node.start_mark)
        return node


_BEGUN = -1  # of a node whose values are being counted


def _too_many(where: Any) -> yaml.MarkedYAMLError:
    return _refused(f"it holds more than {MOST_VALUES:,} values", where)


def _refused(why: str, where: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=why, problem_mark=where)


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node amounts to, those that aliases repeat counted again."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if known.get(id(node)) == _BEGUN:
        raise _refused("a value holds itself", node.start_mark)
    if id(node) not in known:
        known[id(node)] = _BEGUN
        parts = (
            [each for pair in node.value for each in pair]
            if isinstance(node, yaml.MappingNode)
            else node.value
        )
        known[id(node)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(node)]


_TAG = "tag:yaml.org,2002:"
_KEPT = (f"{_TAG}null", f"{_TAG}merge")
PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag in _KEPT]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
):
    PlainLoader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(f"^(?:{_form})$"), list(_first))


@dataclass(frozen=True)
class Leaf:
    """One value of a file; `path` holds the keys that lead to it, as written."""

    path: tuple[str, ...]
    value: Any
    origin: str
    empty: bool = False
    """It is a mapping without a key."""


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
        data = given_bytes(path)
        errors = "replace" if lenient and b"\0" not in data else "strict"
        text = data.decode("utf-8-sig", errors)
        return text.replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise ConfigError(
            f"{name} cannot be read: {error.strerror}.",
            where=str(path),
            remedy="Save it first." if error.strerror == NOT_A_FILE else remedy,
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{name} is not UTF-8 text: it has the byte 0x{error.object[error.start]:02x}.",
            where=f"{path}:{line}",
            remedy="Save it as UTF-8.",
        ) from error


def read_leaves(path: Path, *, as_text: bool = False, empty: bool = False) -> list[Leaf]:
    """Every leaf of a YAML file whose top is a mapping.

    Args:
        path: the file.
        as_text: take every value for the text that stands there, "" for none.
        empty: `{}` is a leaf too; else it says nothing.

    Raises:
        ConfigError: unreadable or malformed, naming the line.
    """
    name = shown_path(path)
    text = read_text(path)
    try:
        loader = PlainLoader(text)
        node = loader.get_single_node()
        if node is None:
            return []
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError("the file must hold keys and values.", where=f"{name}:1")
        value = _text_of if as_text else _value_of
        found = _leaves(loader, node, (), name, value)
        return [leaf for leaf in found if empty or not leaf.empty]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"not valid YAML: {error.problem}.", where=f"{name}{line}") from error
    except yaml.YAMLError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"not valid YAML: {reason}.", where=name) from error


def _leaves(
    loader: yaml.SafeLoader,
    node: yaml.MappingNode,
    above: tuple[str, ...],
    name: str,
    value: Callable[[yaml.SafeLoader, yaml.Node, str], Any],
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
            raise ConfigError("the keys lead too deep.", where=origin)
        if isinstance(value_node, yaml.MappingNode):
            yield from _leaves(loader, value_node, path, name, value)
            if not value_node.value:
                yield Leaf(path, {}, origin, empty=True)
        else:
            yield Leaf(path, value(loader, value_node, origin), origin)


def _value_of(loader: yaml.SafeLoader, node: yaml.Node, origin: str) -> Any:
    try:
        return loader.construct_object(node, deep=True)
    except ValueError as error:
        # A number of thousands of digits, or a tag that its text does not fit.
        raise ConfigError(f"the value cannot be read: {error}.", where=origin) from error


def _text_of(_: yaml.SafeLoader, node: yaml.Node, origin: str) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ConfigError("the value is a list, must be text.", where=origin)
    return "" if node.tag == f"{_TAG}null" else str(node.value)
