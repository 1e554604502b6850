"""One rule of the round and how a run meets it: the rows of the compliance report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field

from sut.config.round_files import round_file
from sut.config.rounds import Round
from sut.record.facts import Published
from sut.rules.check import Value, check, same_setting

REPORT_VERSION = "1.0"


class Verdict(StrEnum):
    """How a run stands to a rule."""

    MET = "met"
    NOT_MET = "not met"
    NOT_MEASURED = "not measured"
    NOT_APPLICABLE = "not applicable"


class Proof(Published):
    """Where a reader finds the figure: a line of a log, or a value of a JSON file."""

    file: str = Field(description="below the session's folder")
    line: int | None = Field(description="line number from 1; null for a value or a whole file")
    path: str | None = Field(description="JSON path; null for a line or a whole file")
    text: str = Field(description="the line or the value, cut where it is long")

    @property
    def place(self) -> str:
        """File and line, or file and JSON path."""
        if self.line is not None:
            return f"{self.file}:{self.line}"
        return f"{self.file} {self.path}" if self.path else self.file


class Row(Published):
    """One rule, one run."""

    rule: str = Field(description="short name that stays")
    words: str = Field(description="the rule in words")
    source: str
    subject: str = Field(description="session, a scenario, or one LoadGen run")
    required: str
    measured: str | None
    verdict: Verdict
    reason: str | None = Field(description="why there is no figure or no demand; a remark")
    proof: list[Proof]


class ComplianceReport(Published):
    """Every rule of the round that applies to one session; a function of its folder."""

    schema_version: Literal["1.0"]
    trust: str
    benchmark: str
    model: str
    round: str
    profile: str
    node: str
    started_utc: str
    division: str = Field(description="the division whose rules are listed")
    session_valid: bool
    submission_grade: bool
    compliant: bool = Field(description="whether every rule that applies is met")
    counts: dict[Verdict, int]
    rows: list[Row]


@dataclass(frozen=True)
class Rule:
    """A rule in words, and who demands it."""

    name: str
    words: str
    source: str
    round_key: str | None = None
    """Field of the round's YAML that holds the figure."""

    def cited(self, round_: Round) -> str:
        """The source, with the round's file and what that file cites for the field."""
        if self.round_key is None:
            return self.source
        origin = next(
            (text for keys, text in round_.sources.items() if self.round_key in keys.split(", ")),
            None,
        )
        place = f"{round_file(round_.name, self.round_key)}, {self.round_key}"
        return "; ".join(each for each in (self.source, place, origin) if each)


def text_of(value: Value) -> str:
    """A value in full: a target of eight digits must not look like a value of six."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class Part:
    """One figure of a rule that has several."""

    name: str
    measured: Value
    required: Value
    comparison: str = "=="
    slack: float = 0.0
    """What a logged figure may have lost by rounding; for >=."""
    as_logged: bool = False
    """Whether `==` allows for LoadGen's doubles of six significant digits."""

    @property
    def verdict(self) -> Verdict:
        """A missing figure is no failed one, and no passed one either."""
        if self.measured is None or self.required is None:
            return Verdict.NOT_MEASURED
        if self.as_logged:
            holds = same_setting(self.required, self.measured)
        elif self.comparison == "==":
            holds = self._equal()
        else:
            value = self.measured
            if self.slack and isinstance(value, int | float):
                value += self.slack
            holds = check("", value, self.comparison, self.required, "").passed
        return Verdict.MET if holds else Verdict.NOT_MET

    def _equal(self) -> bool:
        """Exactly; 1 is not true."""
        alike = isinstance(self.measured, bool) == isinstance(self.required, bool)
        return alike and self.measured == self.required

    @property
    def demand(self) -> str:
        """What is required, with its comparison unless it is equality."""
        mark = "" if self.comparison == "==" else f"{self.comparison} "
        return f"{mark}{text_of(self.required)}"


@dataclass(frozen=True)
class Subject:
    """Whom rows are about: makes them."""

    name: str
    round: Round

    def judged(
        self,
        rule: Rule,
        measured: Value,
        comparison: str,
        required: Value,
        proof: Sequence[Proof],
        *,
        unit: str | None = None,
        reason: str | None = None,
    ) -> Row:
        """A row whose verdict follows from one figure."""
        part = Part("", measured, required, comparison)
        tail = f" {unit}" if unit else ""
        return self.row(
            rule,
            part.verdict,
            required=f"{part.demand}{tail}",
            measured=None if measured is None else f"{text_of(measured)}{tail}",
            proof=proof,
            reason=reason,
        )

    def combined(
        self, rule: Rule, parts: Iterable[Part], proof: Sequence[Proof], reason: str | None = None
    ) -> Row:
        """A row over several figures: the worst of them decides."""
        found = list(parts)
        verdicts = {part.verdict for part in found}
        worst = (Verdict.NOT_MET, Verdict.NOT_MEASURED, Verdict.MET)
        shown = [
            f"{p.name} {'not measured' if p.measured is None else text_of(p.measured)}"
            for p in found
        ]
        return self.row(
            rule,
            next((each for each in worst if each in verdicts), Verdict.NOT_MEASURED),
            required=", ".join(f"{part.name} {part.demand}" for part in found),
            measured=", ".join(shown) if any(p.measured is not None for p in found) else None,
            proof=proof,
            reason=reason,
        )

    def row(
        self,
        rule: Rule,
        verdict: Verdict,
        *,
        required: str,
        measured: str | None,
        proof: Sequence[Proof] = (),
        reason: str | None = None,
    ) -> Row:
        """A row as it is said."""
        return Row(
            rule=rule.name,
            words=rule.words,
            source=rule.cited(self.round),
            subject=self.name,
            required=required,
            measured=measured,
            verdict=verdict,
            reason=reason,
            proof=list(proof),
        )

    def not_applicable(self, rule: Rule, reason: str) -> Row:
        """A rule that does not bind this subject, and why."""
        return self.row(
            rule, Verdict.NOT_APPLICABLE, required="nothing", measured=None, reason=reason
        )


def counted(rows: Iterable[Row]) -> dict[Verdict, int]:
    """Rows by verdict; every verdict has an entry."""
    counts = dict.fromkeys(Verdict, 0)
    for row in rows:
        counts[row.verdict] += 1
    return counts
