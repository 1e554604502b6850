"""The end of a run on one screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.names import Scenario
from sut.report.first_screen import LINES, WIDTH, first_screen
from sut.result.build import build
from sut.result.schema import Result
from tests.unit.result.sessions import make_session


@pytest.fixture
def result(tmp_path: Path) -> Result:
    return build(make_session(tmp_path, "server", "offline"))


def invalid(result: Result, reasons: int, **changes: object) -> Result:
    run = result.scenarios[Scenario.SERVER].model_copy(update=changes)
    said = [f"Server: reason {n}" for n in range(reasons)]
    others = result.scenarios | {Scenario.SERVER: run}
    return result.model_copy(update={"valid": False, "reasons": said, "scenarios": others})


def test_the_verdict_is_the_first_word_and_all_fits(result: Result) -> None:
    lines = first_screen(result).splitlines()
    assert lines[0].startswith("VALID: ")
    assert lines[1].startswith("Not submission-grade: ")
    assert len(lines) <= LINES
    assert all(len(line) <= WIDTH for line in lines)


def test_each_run_has_its_figures_and_the_limits_it_keeps(result: Result) -> None:
    text = first_screen(result)
    assert "Offline      VALID" in text
    assert "tokens/s" in text
    assert "TTFT P95" in text
    assert " of 2,000 ms" in text


def test_what_to_do_comes_before_what_failed_and_few_reasons_are_told(result: Result) -> None:
    text = first_screen(invalid(result, 30, valid=False, advice=["set less " * 30]))
    lines = text.splitlines()
    assert lines[0].startswith("INVALID: ")
    assert lines[1].startswith("  Server: set less")
    assert "reason 4" in text
    assert "reason 5" not in text
    assert "and 25 more, in the summary" in text
    assert len(lines) <= LINES
    assert all(len(line) <= WIDTH for line in lines)


def test_a_limit_that_does_not_hold_says_so(result: Result) -> None:
    checks = [
        each.model_copy(update={"passed": False, "measured": 2500.0})
        for each in result.scenarios[Scenario.SERVER].checks
        if each.rule == "ttft"
    ]
    assert "2,500 of 2,000 ms, over the limit" in first_screen(invalid(result, 1, checks=checks))


def test_a_cause_is_told_before_what_it_causes(result: Result) -> None:
    run = result.scenarios[Scenario.SERVER]
    (cause,) = (each for each in run.checks if each.rule == "clock-steady")
    broken = cause.model_copy(update={"passed": False, "measured": "set back by 2.000 s"})
    late = invalid(result, 9, checks=[broken])
    late = late.model_copy(update={"reasons": [*late.reasons, f"Server: {broken.reason}"]})
    text = " ".join(first_screen(late).split())
    assert text.index("set back by 2.000 s") < text.index("reason 0")
