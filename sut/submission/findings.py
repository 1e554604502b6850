"""One complaint about a submission tree, ours or the official checker's."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal
from unicodedata import category

Severity = Literal["error", "warning"]
Origin = Literal["ours", "official"]
# Characters that end a line, work on a terminal, or are no text.
UNSEEN = ("Cc", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class Finding:
    """What is wrong, where, and what to do; an error makes the tree one not to hand in."""

    severity: Severity
    place: str
    sentence: str
    remedy: str
    source: Origin = "ours"
    rule: str = ""
    """Id of the rule of the catalogue that does not hold; empty: it is on a file, not on a log."""

    @property
    def line(self) -> str:
        """The finding on one line."""
        place = f"{self.place}: " if self.place else ""
        line = f"{self.severity} ({self.source}): {place}{self.sentence} {self.remedy}".rstrip()
        return "".join(_escaped(each) if category(each) in UNSEEN else each for each in line)


def _escaped(character: str) -> str:
    """As Python writes it."""
    return character.encode("unicode_escape").decode("ascii")


NAMED, APART = 3, 3
"""Places that one finding of many names; up to how many places have a finding each."""


def together(found: Iterable[Finding]) -> list[Finding]:
    """What is said of more than a few files in the same words, as one finding that names the first.

    A sync tool's copies or converted line ends are one fault, though they are in every folder. What
    a rule says of a log stays by itself.
    """
    groups: dict[Finding, list[Finding]] = {}
    for each in found:
        groups.setdefault(each if each.rule else replace(each, place=""), []).append(each)
    return [one for members in groups.values() for one in _one_of(members)]


def _one_of(members: list[Finding]) -> list[Finding]:
    places = list(dict.fromkeys(each.place for each in members))
    if len(places) <= APART:
        return members
    above = posixpath.commonpath(posixpath.dirname(each) for each in places)
    names = ", ".join(posixpath.relpath(each, above or ".") for each in places[:NAMED])
    sentence = f"{members[0].sentence.removesuffix('.')}: {names} and {len(places) - NAMED} more."
    return [replace(members[0], place=above, sentence=sentence)]
