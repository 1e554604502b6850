"""The end of a run on one screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.names import Scenario
from sut.report.first_screen import LINES, WIDTH, first_screen
from sut.report.lines import AGAIN
from sut.result.build import build
from sut.result.schema import Result
from tests.unit.result.sessions import edit, make_session


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


def test_an_interruption_is_told_once_and_with_what_to_do(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    folder = root / "Server" / "performance"
    detail = folder / "mlperf_log_detail.txt"
    lines = detail.read_text(encoding="utf-8").splitlines(keepends=True)
    detail.write_text("".join(lines[: len(lines) // 2]), encoding="utf-8")
    edit(folder / "run.json", interrupted=True)
    found = build(root)
    assert len(found.reasons) > 1, "its log has no end"
    text = " ".join(first_screen(found).split())
    assert text.index(AGAIN) < text.index("- Server: interrupted: yes")
    others = [each for each in found.reasons if "interrupted: yes" not in each]
    assert f"and {len(others)} more that follow from it, in the summary" in text
    assert not any(each in text for each in others)


def test_singlestream_has_the_latency_that_it_is_known_by(tmp_path: Path) -> None:
    found = build(make_session(tmp_path, "singlestream"))
    latency = found.scenarios[Scenario.SINGLE_STREAM].latency
    assert latency is not None
    assert latency.p90_ns is not None
    assert f"latency P90 {latency.p90_ns / 1e6:,.4g} ms" in first_screen(found)
