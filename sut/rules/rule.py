"""What a rule is: a stable id, its words, where it comes from, and the one function that judges it.

A module of rules keeps them in a Book, in the order in which a reader wants them:

    BOOK = Book(Ground.LOADGEN)

    @BOOK.rule("seeds", "The three seeds are the round's", "inference_rules.adoc §2.4", "seeds")
    def seeds(case: LogCase) -> Iterable[Check]: ...

`seeds` is a Rule from then on. Every Check that it makes bears its id; whoever needs to tell
checks apart goes by the id, never by a name or a sentence. A book says whose word its rules go by;
a rule that goes by another's says so itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeVar

from sut.config.round_files import round_file
from sut.config.rounds import Round
from sut.rules.check import Check

Case = TypeVar("Case")

PERFORMANCE, ACCURACY, COMPLIANCE = "performance", "accuracy", "compliance"
EVERY_RUN = (PERFORMANCE, ACCURACY, COMPLIANCE)


class Ground(StrEnum):
    """Whose word a rule goes by, which decides what it is worth to an auditor that it holds."""

    LOADGEN = "LoadGen's logs"
    LEDGER = "our ledger, row by row"
    WITNESSES = "LoadGen's logs and our ledger, which agree"
    HASHES = "hashes, which bind and do not sign"
    RECORD = "the word of our own record"

    @property
    def proves(self) -> bool:
        """Whether it is worked out anew from what was measured, sample by sample."""
        return self in (Ground.LOADGEN, Ground.LEDGER, Ground.WITNESSES)


@dataclass(frozen=True)
class Statement:
    """A rule in words, and who demands it.

    Attributes:
        id: short name that stays: in results, in reports, in code.
        title: the rule in words.
        source: who demands it.
        round_field: field of the round's YAML that holds the figure.
    """

    id: str
    title: str
    source: str
    round_field: str | None = None

    def cited(self, round_: Round) -> str:
        """The source, with the round's file and what that file cites for the field."""
        if self.round_field is None:
            return self.source
        origin = next(
            (text for keys, text in round_.sources.items() if self.round_field in keys.split(", ")),
            None,
        )
        place = f"{round_file(round_.name, self.round_field)}, {self.round_field}"
        return "; ".join(each for each in (self.source, place, origin) if each)


@dataclass(frozen=True)
class Rule(Statement, Generic[Case]):
    """A statement that a LoadGen run is judged by.

    Attributes:
        modes: the kinds of run that it binds.
        ground: whose word it goes by.
        judge: the case at hand → its conditions; none where it binds nothing there.
    """

    modes: tuple[str, ...] = EVERY_RUN
    ground: Ground = field(kw_only=True)
    judge: Callable[[Case], Iterable[Check]] = field(kw_only=True)

    def checks(self, case: Case) -> list[Check]:
        """Its conditions on one case, each with the rule's id."""
        return [each.model_copy(update={"rule": self.id}) for each in self.judge(case)]


class Book(Generic[Case]):
    """The rules of one module, by their ids; `ground` is theirs where one does not say other."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.rules: dict[str, Rule[Case]] = {}

    def rule(
        self,
        name: str,
        title: str,
        source: str,
        round_field: str | None = None,
        modes: tuple[str, ...] = EVERY_RUN,
        *,
        ground: Ground | None = None,
    ) -> Callable[[Callable[[Case], Iterable[Check]]], Rule[Case]]:
        """Enter the function below as a rule."""

        def enter(judge: Callable[[Case], Iterable[Check]]) -> Rule[Case]:
            if name in self.rules:
                raise ValueError(f"there are two rules {name}")
            whose = ground or self.ground
            made = Rule(name, title, source, round_field, modes, ground=whose, judge=judge)
            self.rules[name] = made
            return made

        return enter
