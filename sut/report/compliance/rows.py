"""One rule of the round and how a run meets it: the rows of the compliance report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import Field

from sut.config.rounds import Round
from sut.record.frozen import Published
from sut.rules.check import Check, Value, check
from sut.rules.rule import Statement

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


def text_of(value: Value) -> str:
    """A value in full: a target of eight digits must not look like a value of six."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def verdict_of(checks: Iterable[Check]) -> Verdict:
    """The worst of them; a missing figure has neither failed nor passed."""
    found = {
        Verdict.MET if each.passed else Verdict.NOT_MET if each.judged else Verdict.NOT_MEASURED
        for each in checks
    }
    worst = (Verdict.NOT_MET, Verdict.NOT_MEASURED, Verdict.MET)
    return next((each for each in worst if each in found), Verdict.NOT_MEASURED)


def demand(each: Check) -> str:
    """What is required, with its comparison unless it is equality."""
    mark = "" if each.comparison == "==" else f"{each.comparison} "
    return f"{mark}{text_of(each.limit)}{_tail(each)}"


def _figure(each: Check) -> str:
    return "not measured" if each.measured is None else f"{text_of(each.measured)}{_tail(each)}"


def _tail(each: Check) -> str:
    return f" {each.unit}" if each.unit else ""


def part(name: str, measured: Value, required: Value, comparison: str = "==") -> Check:
    """One figure of a rule that only this page asks."""
    return check(name, measured, comparison, required, "")


@dataclass(frozen=True)
class Subject:
    """Whom rows are about: makes them."""

    name: str
    round: Round

    def judged(
        self,
        rule: Statement,
        measured: Value,
        comparison: str,
        required: Value,
        proof: Sequence[Proof],
        *,
        unit: str | None = None,
        reason: str | None = None,
    ) -> Row:
        """A row whose verdict follows from one figure."""
        figure = check("", measured, comparison, required, "", unit=unit)
        return self.of_checks(rule, [figure], proof, reason, named=False)

    def combined(
        self,
        rule: Statement,
        parts: Iterable[Check],
        proof: Sequence[Proof],
        reason: str | None = None,
    ) -> Row:
        """A row over several figures, each by its name."""
        return self.of_checks(rule, list(parts), proof, reason, named=True)

    def of_checks(
        self,
        rule: Statement,
        checks: Sequence[Check],
        proof: Sequence[Proof],
        reason: str | None = None,
        *,
        named: bool,
    ) -> Row:
        """A row over conditions that were judged: the worst of them decides."""
        # "samples 192 samples" says its unit twice.
        names = [f"{each.name} " if named and each.name != each.unit else "" for each in checks]
        pairs = list(zip(names, checks, strict=True))
        known = any(each.measured is not None for each in checks)
        return self.row(
            rule,
            verdict_of(checks),
            required=", ".join(f"{name}{demand(each)}" for name, each in pairs),
            measured=", ".join(f"{name}{_figure(each)}" for name, each in pairs) if known else None,
            proof=proof,
            reason=reason,
        )

    def row(
        self,
        rule: Statement,
        verdict: Verdict,
        *,
        required: str,
        measured: str | None,
        proof: Sequence[Proof] = (),
        reason: str | None = None,
    ) -> Row:
        """A row as it is said."""
        return Row(
            rule=rule.id,
            words=rule.title,
            source=rule.cited(self.round),
            subject=self.name,
            required=required,
            measured=measured,
            verdict=verdict,
            reason=reason,
            proof=list(proof),
        )

    def not_applicable(self, rule: Statement, reason: str) -> Row:
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
