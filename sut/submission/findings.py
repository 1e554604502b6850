"""One complaint about a submission tree, ours or the official checker's."""

from __future__ import annotations

from dataclasses import dataclass
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
