"""A verification as a person reads it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit.official import OfficialVerdict
from audit.verify import official_text
from sut.config.names import Scenario
from sut.record.facts import VerificationFacts
from sut.rules.check import Check, shown


@dataclass(frozen=True)
class Verification:
    """One verified run.

    Attributes:
        facts: our verdict; None if the run left none.
        official: the official script's; None where it was not asked for.
        judged_by: which end-of-sequence ids were looked for, and whose they are.
        not_proven: conditions that the logs at hand cannot tell; the verdict is without them.
    """

    directory: Path
    test: str
    scenario: Scenario
    facts: VerificationFacts | None
    official: OfficialVerdict | None
    judged_by: str
    not_proven: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nobody who judged it found anything."""
        ours = self.facts is not None and self.facts.passed
        return ours and (self.official is None or self.official.passed)

    def document(self) -> dict[str, Any]:
        """What --json prints of it."""
        official = None
        if self.official is not None:
            official = {
                "passed": self.official.passed,
                "output": self.official.output,
                "command": list(self.official.command),
            }
        return {
            "test": self.test,
            "scenario": self.scenario.value,
            "directory": str(self.directory),
            "passed": self.passed,
            "judged_by": self.judged_by,
            "not_proven": list(self.not_proven),
            "verification": None if self.facts is None else self.facts.model_dump(),
            "official": official,
        }


def verification_text(verification: Verification) -> str:
    """Every check with its figure, our four lines, the official script's own output."""
    facts, official = verification.facts, verification.official
    lines = [f"{verification.test} {verification.scenario.value}: {verification.directory}"]
    if facts is None:
        return "\n".join([*lines, "  not verified: the run left no verification.json", ""])
    lines.append(f"  end-of-sequence ids {verification.judged_by}")
    lines += [_line(Check.model_validate(each.model_dump())) for each in facts.checks]
    lines += [f"  not proven: {each}" for each in verification.not_proven]
    lines += ["  as verify_accuracy.txt has it:", *_indented(official_text_of(verification))]
    if official is not None:
        lines += ["  the official script:", *_indented(official.output)]
        if official.passed != facts.passed:
            other = "passes" if official.passed else "fails"
            lines.append(f"  ours and the official verdict differ: the official script {other} it")
    lines.append(f"  {'PASSED' if verification.passed else 'FAILED'}")
    return "\n".join([*lines, ""])


def official_text_of(verification: Verification) -> str:
    """The text of verify_accuracy.txt; empty where there is no verdict."""
    facts = verification.facts
    return "" if facts is None else official_text(facts, verification.scenario)


def _line(each: Check) -> str:
    mark = "ok  " if each.passed else "FAIL"
    if not each.passed:
        return f"  {mark} {each.reason}  [{each.source}]"
    unit = f" {each.unit}" if each.unit else ""
    return f"  {mark} {each.name}: {'' if each.measured is None else shown(each.measured)}{unit}"


def _indented(text: str) -> list[str]:
    return [f"    {line}" for line in text.splitlines() if line.strip()]
