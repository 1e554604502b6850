"""A round's file and those that it extends, as one: each value with its own file and line.

`extends: v6.1` takes over what that round says. A key of the file itself wins over it, a list
as a whole; null takes away what the extended round says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sut.config import shipped
from sut.config.yaml_tree import Leaf, read_leaves
from sut.errors import ConfigError

Place = tuple[str, ...]

EXTENDS = "extends"
# What sets every round apart from the one before it: taken over, it would be wrong without a word.
OWN = ("name", "loadgen_versions", "loadgen_install", "seeds")


@cache
def round_leaves(name: str) -> Mapping[Place, Leaf]:
    """Every value of a round by its keys.

    Raises:
        ConfigError: a file that is malformed, has another round's name, or extends a round that
            is not there or extends it in turn.
    """
    return _leaves(name, ())


def round_file(name: str, key: str) -> str:
    """The file that gives a round its values of this key: its own, or one that it extends."""
    leaves = round_leaves(name).values() if name in shipped.round_names() else ()
    figures = (leaf for leaf in leaves if leaf.path[0] != "sources" and key in leaf.path)
    files = dict.fromkeys(leaf.origin.rpartition(":")[0] for leaf in figures)
    return " and ".join(files) or f"user_confs/rounds/{name}.yaml"


def tree(leaves: Iterable[Leaf]) -> dict[str, Any]:
    """Leaves as nested mappings."""
    found: dict[str, Any] = {}
    for leaf in leaves:
        *above, last = leaf.path
        branch = found
        for key in above:
            branch = branch.setdefault(key, {})
        branch[last] = leaf.value
    return found


def _leaves(name: str, extending: tuple[str, ...]) -> dict[Place, Leaf]:
    path = shipped.conf_path("rounds", name)
    own = {leaf.path: leaf for leaf in read_leaves(path)}
    stated = own.get(("name",))
    if stated is not None and stated.value != name:
        raise ConfigError(
            f"name is {stated.value}, but the file is that of {name}.",
            where=stated.origin,
            remedy=f"Write name: {name}.",
        )
    base = own.pop((EXTENDS,), None)
    if base is None:
        return {place: leaf for place, leaf in own.items() if leaf.value is not None}
    _check_base(base, (*extending, name))
    said = {place[0] for place in own}
    missing = [key for key in OWN if key not in said]
    if missing:
        raise ConfigError(
            f"{missing[0]} is missing, which no round takes over from another.",
            where=base.origin,
            remedy="Give this round's own.",
        )
    found = _leaves(str(base.value), (*extending, name))
    for place, leaf in own.items():
        _put(found, place, leaf)
    return found


def _check_base(base: Leaf, extending: tuple[str, ...]) -> None:
    if base.value not in shipped.round_names():
        raise ConfigError(
            f"{EXTENDS} is {base.value}, which is not a round.",
            where=base.origin,
            remedy=f"These are: {', '.join(shipped.round_names())}.",
        )
    if base.value in extending:
        raise ConfigError(
            f"{EXTENDS} leads back to {base.value}: {' extends '.join((*extending, base.value))}.",
            where=base.origin,
            remedy="Let one of them say all it needs.",
        )


def _put(found: dict[Place, Leaf], place: Place, leaf: Leaf) -> None:
    """A value in place of what the extended round says there, above it or below it."""
    for other in [
        other
        for other in found
        if other != place and (other[: len(place)] == place or place[: len(other)] == other)
    ]:
        del found[other]
    if leaf.value is None:
        found.pop(place, None)
    else:
        found[place] = leaf
