"""A campaign's plan: a small YAML file, held to its schema before anything is resolved.

scenarios: [Offline, Server]
modes: [performance, accuracy]   # performance where it is left out
tests: [TEST06]                  # of a compliance run; the round's where it is left out
tune: [Offline, Server]          # whose engine settings are searched first; none
budget: 30m                      # for each such search; 30m where it is left out
space:                           # what they try; the engine's own where it is left out
  engine.vllm.max_num_seqs: [64, 128]
peak: [Server]                   # whose highest VALID rate is searched for first; none
systems: [cpu]                   # this machine's where it is left out
common:                          # settings of every stage, by their keys
  profile: quick
  server.target_qps: 2
settings:                        # a name for each set of settings that is tried
  base: {}
  small-batch: {engine.vllm.max_num_seqs: 8}
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from sut.config.keys import sentence, show
from sut.config.names import Mode, Scenario
from sut.config.strict import Strict
from sut.config.yaml_tree import Leaf, read_leaves, shown_path
from sut.errors import ConfigError
from sut.tune.budget import BUDGET_S, budget_s
from sut.tune.judge import UNIT

Override = tuple[str, object, str]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]

PAGE = "docs/campaign.md has an example."
BASE = "base"
MOST_STAGES = 200
"""Each is resolved and planned before the first is made, and takes a minute at the very least."""
# What a plan says in words of its own; as settings they would contradict them.
_OWN = {
    "scenarios": "scenarios",
    "mode": "modes",
    "system": "systems",
    "compliance.tests": "tests",
    "results_dir": "--out",
}
_LISTS = ("scenarios", "modes", "tests", "tune", "peak", "systems")
_SETTINGS = ("space", "common", "settings")


class Words(Strict):
    """The words of a plan."""

    scenarios: tuple[Scenario, ...] = Field(min_length=1)
    modes: tuple[Mode, ...] = Field((Mode.PERFORMANCE,), min_length=1)
    tests: tuple[str, ...] | None = Field(None, min_length=1)
    tune: tuple[Scenario, ...] = ()
    budget: Any = None
    space: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    peak: tuple[Scenario, ...] = ()
    systems: tuple[str, ...] | None = Field(None, min_length=1)
    common: dict[str, Any] = Field(default_factory=dict)
    settings: dict[Name, dict[str, Any]] = Field({BASE: {}}, min_length=1)


@dataclass(frozen=True)
class Cell:
    """What stages share that differ in scenario and mode alone.

    Attributes:
        settings: the name of its settings.
        overrides: its system, what is common, and its own settings, in rising precedence.
    """

    settings: str
    overrides: tuple[Override, ...]


@dataclass(frozen=True)
class Plan:
    """A plan as it was read."""

    path: Path
    words: Words
    origins: Mapping[str, str]
    """Where each word stands, and each setting by its word, name and key."""

    def at(self, word: str) -> str:
        """Where a word stands, or would stand."""
        return self.origins.get(word, shown_path(self.path))

    @property
    def budget_s(self) -> float:
        """Seconds for each search over settings.

        Raises:
            ConfigError: the budget is no time.
        """
        given = self.words.budget
        return BUDGET_S if given is None else budget_s(show(given), self.at("budget"))

    def cells(self) -> Iterator[Cell]:
        """Systems × settings."""
        common = [
            (key, value, self.at(f"common.{key}")) for key, value in self.words.common.items()
        ]
        for system in self.words.systems or (None,):
            chosen = [] if system is None else [("system", system, self.at("systems"))]
            for name, values in self.words.settings.items():
                own = [
                    (key, value, self.at(f"settings.{name}.{key}")) for key, value in values.items()
                ]
                yield Cell(name, (*chosen, *common, *own))


def read_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        ConfigError: naming file and line, word, value and remedy.
    """
    tree: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for leaf in read_leaves(path, empty=True):
        _enter(tree, origins, leaf)
    try:
        words = Words.model_validate(tree)
    except ValidationError as error:
        raise _refused(error, origins, path) from error
    plan = Plan(path, words, origins)
    _refuse_twice(plan)
    _refuse_searches(plan)
    _refuse_too_many(plan)
    if words.tests is not None and Mode.COMPLIANCE not in words.modes:
        raise ConfigError(
            f"tests is {show(words.tests)}, and no compliance run is among the modes, which are "
            f"{show(words.modes)}.",
            where=plan.at("tests"),
            remedy="Add compliance to modes, or leave tests out.",
        )
    return plan


def _enter(tree: dict[str, Any], origins: dict[str, str], leaf: Leaf) -> None:
    """Put a leaf where its word belongs."""
    word, *rest = leaf.path
    origins.setdefault(word, leaf.origin)
    if word not in Words.model_fields:
        near = difflib.get_close_matches(word, Words.model_fields, n=1, cutoff=0.6)
        raise ConfigError(
            f"{word} is {show(leaf.value)}, but a plan has no such word.",
            where=leaf.origin,
            remedy=f"The nearest is {near[0]}." if near else f"Its words are {_words()}.",
        )
    if word not in _SETTINGS:
        if rest:
            wanted = "a time" if word == "budget" else "a list of names"
            raise _not(word, f"{wanted}, not keys and values", leaf)
        one = word in _LISTS and isinstance(leaf.value, str)
        tree[word] = [leaf.value] if one else leaf.value
        return
    names = rest[:1] if word == "settings" else []
    key = ".".join(rest[len(names) :])
    branch = tree.setdefault(word, {})
    for name in names:
        branch = branch.setdefault(name, {})
        origins.setdefault(f"{word}.{name}", leaf.origin)
    if key:
        _enter_setting(branch, origins, ".".join((word, *names)), key, leaf)
    elif not (leaf.value is None or leaf.empty):
        raise _not(".".join((word, *names)), "keys and values", leaf)


def _enter_setting(
    branch: dict[str, Any], origins: dict[str, str], above: str, key: str, leaf: Leaf
) -> None:
    if leaf.empty:
        return  # a section without a key says nothing, as in a configuration's file
    if key in _OWN:
        raise ConfigError(
            f"{above}.{key} is {show(leaf.value)}, but it is no setting of a campaign.",
            where=leaf.origin,
            remedy=f"Say it with {_OWN[key]}.",
        )
    if key in branch:
        raise ConfigError(
            f"{above}.{key} is given twice, first in {origins[f'{above}.{key}']}.",
            where=leaf.origin,
            remedy="Remove one.",
        )
    branch[key] = leaf.value
    origins[f"{above}.{key}"] = leaf.origin


def _not(word: str, wanted: str, leaf: Leaf) -> ConfigError:
    return ConfigError(
        f"{word} is {show(leaf.value)}, must be {wanted}.", where=leaf.origin, remedy=PAGE
    )


def _words() -> str:
    return ", ".join(Words.model_fields)


def _refused(error: ValidationError, origins: Mapping[str, str], path: Path) -> ConfigError:
    """Pydantic's first complaint, with the line of the word that it is about."""
    first = error.errors(include_url=False)[0]
    named = [str(part) for part in first["loc"] if isinstance(part, str) and part != "[key]"]
    places = [".".join(named[:length]) for length in range(len(named), 0, -1)]
    where = next((origins[each] for each in places if each in origins), shown_path(path))
    said = sentence(error, ".".join(named))
    if first["loc"][-1] == "[key]":
        said = f"{named[0]} has the name {named[-1]}, which may have letters, digits, _ and - only."
    return ConfigError(said, where=where, remedy=PAGE)


def _refuse_too_many(plan: Plan) -> None:
    """Refuse a plan that would take hours to read, before that begins.

    Raises:
        ConfigError: it has more stages than MOST_STAGES, counting one test of a compliance run.
    """
    words = plan.words
    sides = (words.scenarios, words.modes, words.systems or (None,), words.settings)
    searches = len(words.tune) * math.prod(len(each) for each in sides[2:])
    count = math.prod(len(each) for each in sides) + searches
    if count > MOST_STAGES:
        told = ("scenarios", "modes", "systems", "settings")
        parts = " x ".join(f"{len(side)} {word}" for side, word in zip(sides, told, strict=True))
        parts += f", and {searches} searches for settings" if searches else ""
        raise ConfigError(
            f"the plan has {count} stages ({parts}), must have {MOST_STAGES} at most.",
            where=shown_path(plan.path),
            remedy="Split it into several plans.",
        )


def _refuse_twice(plan: Plan) -> None:
    """Refuse a name that stands twice in a list: its stages would be the same.

    Raises:
        ConfigError: naming it.
    """
    for word in _LISTS:
        named: Sequence[str] = getattr(plan.words, word) or ()
        twice = [each for each in dict.fromkeys(named) if named.count(each) > 1]
        if twice:
            raise ConfigError(
                f"{word} is {show(tuple(named))}, with {twice[0]} twice.",
                where=plan.at(word),
                remedy="Remove one.",
            )


_WITH_RATE = (Scenario.SERVER, Scenario.INTERACTIVE)


def _refuse_searches(plan: Plan) -> None:
    """Refuse a search whose confirmation would be no run of the plan.

    Raises:
        ConfigError: naming the scenario, or the mode; or what is said of no search.
    """
    _refuse_search(plan, "tune", "settings are", tuple(UNIT))
    _refuse_search(plan, "peak", "a rate is", _WITH_RATE)
    for word in ("budget", "space"):
        if word in plan.origins and not plan.words.tune:
            raise ConfigError(
                f"{word} is given, and it is that of tune, which no scenario has.",
                where=plan.at(word),
                remedy=f"Add tune: [{plan.words.scenarios[0].value}], or leave {word} out.",
            )
    assert plan.budget_s > 0  # told with its line, before anything is resolved


def _refuse_search(plan: Plan, word: str, what: str, having: Sequence[Scenario]) -> None:
    words = plan.words
    asked: Sequence[Scenario] = getattr(words, word)
    able = [each.value for each in words.scenarios if each in having]
    for each in asked:
        if each.value not in able:
            *first, last = (one.value for one in having)
            raise ConfigError(
                f"{word} has {each.value}, and {what} searched for of {', '.join(first)} and "
                f"{last}, where they are among the scenarios.",
                where=plan.at(word),
                remedy=f"Name {' or '.join(able)}." if able else f"Leave {word} out.",
            )
    if asked and Mode.PERFORMANCE not in words.modes:
        raise ConfigError(
            f"{word} is {show(asked)}, and no performance run is among the modes, which are "
            f"{show(words.modes)}.",
            where=plan.at(word),
            remedy=f"Add performance to modes, or leave {word} out.",
        )
