"""A verification as a person reads it, and as --json prints it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audit.official import OfficialVerdict
from audit.text import Verification, official_text_of, verification_text
from sut.config.names import Scenario
from sut.record.facts import VerificationFacts
from sut.rules.check import check

CHECKS = [
    check("samples logged", 100, "==", 100, "the log", unit="samples"),
    check("audit.config read by LoadGen", True, "==", True, "the log"),
    check("longest answer", 129, "<=", 128, "the log", unit="tokens"),
    check("shortest answer", None, ">=", 2, "the log", unit="tokens"),
]
LINES = (
    "First token check pass: False\nEOS check pass: False\nSample length check pass: {}\n"
    "TEST06 verification {}\n"
)


def facts(*which: int) -> VerificationFacts:
    made = [CHECKS[each] for each in which]
    return VerificationFacts.model_validate(
        {
            "test": "TEST06",
            "checks": [each.model_dump(exclude={"rule", "keys"}) for each in made],
            "passed": all(each.passed for each in made),
            "log_sha256": "0" * 64,
        }
    )


FAILED = Verification(
    directory=Path("runs/x"),
    test="TEST06",
    scenario=Scenario.SERVER,
    facts=facts(0, 1, 2, 3),
    official=None,
    judged_by="2, 3 (--eos)",
    not_proven=("that it ran",),
)
PASSED = replace(FAILED, facts=facts(0, 1), not_proven=())


def test_each_check_has_a_line_and_what_fails_its_reason() -> None:
    assert verification_text(FAILED) == (
        "TEST06 Server: runs/x\n"
        "  end-of-sequence ids 2, 3 (--eos)\n"
        "  ok   samples logged: 100 samples\n"
        "  ok   audit.config read by LoadGen: yes\n"
        "  FAIL longest answer: 129 tokens, must be <= 128 tokens  [the log]\n"
        "  FAIL shortest answer: not measured, must be >= 2 tokens  [the log]\n"
        "  not proven: that it ran\n"
        "  as verify_accuracy.txt has it:\n"
        "    First token check pass: False\n"
        "    EOS check pass: False\n"
        "    Sample length check pass: False\n"
        "    TEST06 verification failed\n"
        "  FAILED\n"
    )


def test_a_run_that_left_no_verdict_is_not_verified() -> None:
    none = replace(FAILED, facts=None)
    assert verification_text(none) == (
        "TEST06 Server: runs/x\n  not verified: the run left no verification.json\n"
    )
    assert not none.passed
    assert official_text_of(none) == ""
    assert official_text_of(PASSED) == LINES.format("True", "complete")


@pytest.mark.parametrize(
    ("ours", "theirs", "passed", "last"),
    [
        (PASSED, True, True, ["    a line", "  PASSED"]),
        (PASSED, False, False,
         ["  ours and the official verdict differ: the official script fails it", "  FAILED"]),
        (FAILED, True, False,
         ["  ours and the official verdict differ: the official script passes it", "  FAILED"]),
        (FAILED, False, False, ["    a line", "  FAILED"]),
    ],
)  # fmt: skip
def test_both_verdicts_have_to_pass(
    ours: Verification, theirs: bool, passed: bool, last: list[str]
) -> None:
    both = replace(ours, official=OfficialVerdict(("python", "x"), "\na line\n", passed=theirs))
    assert both.passed is passed
    lines = verification_text(both).splitlines()
    assert lines[-2:] == last
    assert "  the official script:" in lines
    document = both.document()
    assert document["official"] == {
        "passed": theirs, "output": "\na line\n", "command": ["python", "x"],
    }  # fmt: skip
    assert document["passed"] is passed


def test_the_document_holds_what_the_text_says() -> None:
    assert FAILED.document() == {
        "test": "TEST06",
        "scenario": "Server",
        "directory": "runs/x",
        "passed": False,
        "judged_by": "2, 3 (--eos)",
        "not_proven": ["that it ran"],
        "verification": facts(0, 1, 2, 3).model_dump(),
        "official": None,
    }
    assert replace(FAILED, facts=None).document()["verification"] is None
