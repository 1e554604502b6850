"""What an auditor may take from a record: what it proves, what it only says, what it denies."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sut.rules.check import Check, shown
from sut.rules.rule import Ground, Rule

FORGED = (
    "A record that is forged as a whole, with all its hashes, cannot be told from an honest one: "
    "hashes bind, they do not sign."
)


class Standing(StrEnum):
    """How a statement stands once everything was worked out anew."""

    PROVED = "proved"
    STATED = "stated"
    OPEN = "not shown"
    CONTRADICTS = "contradicts"


MEANS = {
    Standing.PROVED: "worked out anew, or told alike by two witnesses",
    Standing.STATED: "only the record itself says so",
    Standing.OPEN: "nothing here shows it, and no result claims it",
    Standing.CONTRADICTS: "does not hold",
}


@dataclass(frozen=True)
class Item:
    """One statement about a record.

    Attributes:
        subject: what it is about: the session, a run's folder, a file.
        sentence: the statement in words.
        rule: id of the rule of the catalogue; empty: it is no rule's.
        ground: whose word it goes by, in words; empty where that is in the sentence.
    """

    standing: Standing
    subject: str
    sentence: str
    rule: str = ""
    ground: str = ""

    @property
    def line(self) -> str:
        """The statement on one line."""
        rule = f" [{self.rule}]" if self.rule else ""
        ground = f" ({self.ground})" if self.ground else ""
        return f"{self.subject}: {self.sentence}{ground}{rule}"


def contradicted(items: Iterable[Item]) -> bool:
    """Whether something does not hold."""
    return any(each.standing is Standing.CONTRADICTS for each in items)


def of_rule(
    rule: Rule[object],
    checks: Iterable[Check],
    subject: str,
    *,
    failed: Standing = Standing.CONTRADICTS,
    ground: Ground | None = None,
) -> list[Item]:
    """A rule that holds is one item, by its ground; each condition that fails is one of its own.

    Args:
        rule: of the catalogue.
        checks: its conditions; none where it binds nothing here.
        subject: what was judged.
        failed: how a condition that does not hold stands.
        ground: whose word it went by this time; None: the rule's own.
    """
    made = list(checks)
    wrong = [each for each in made if not each.passed]
    if wrong:
        said = dict.fromkeys(f"{rule.title}: {each.reason.lstrip(': ')}" for each in wrong)
        return [Item(failed, subject, f"{each}.", rule.id) for each in said]
    whose = ground or rule.ground
    standing = Standing.PROVED if whose.proves else Standing.STATED
    figures = [figure for each in made if (figure := _figure(each))]
    sentence = f"{rule.title}: {', '.join(figures)}" if 0 < len(figures) <= 2 else rule.title
    return [Item(standing, subject, sentence, rule.id, whose.value)] if made else []


def _figure(check: Check) -> str | None:
    """A measured number of a condition; a flag or a word says no more than the rule's title."""
    value = check.measured
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return f"{shown(value)} {check.unit}" if check.unit else shown(value)
