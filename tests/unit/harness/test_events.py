"""Events are whole JSON lines on the stream of a program, and nothing for a person alone."""

from __future__ import annotations

import io
import json
import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from sut.commands.run import _tell_result
from sut.config.names import Scenario
from sut.harness.closely import Closely, Watched
from sut.harness.eta import Pace
from sut.harness.events import EventConsole, json_lines, tell
from sut.harness.ledger import Ledger
from sut.harness.lookout import Lookout
from sut.harness.phases import Phases
from sut.harness.progress import RunProgress
from sut.harness.under_way import marked
from sut.record.answer import AnswerBounds
from sut.record.folder import SessionDir

PAGE = Path(__file__).resolve().parents[3] / "docs" / "events.md"


def listened() -> tuple[EventConsole, io.StringIO]:
    lines = io.StringIO()
    return EventConsole([json_lines(lines)], Console(file=io.StringIO(), quiet=True)), lines


def events(lines: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


def documented() -> dict[str, set[str]]:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in rows}


def test_an_event_is_one_line_with_its_time() -> None:
    console, lines = listened()
    tell(console, "phase", name="two\nlines")
    (event,) = events(lines)
    assert (event["event"], event["name"]) == ("phase", "two\nlines")
    assert datetime.fromisoformat(str(event["at"])).tzinfo is not None


def test_a_console_for_people_prints_no_event() -> None:
    out = io.StringIO()
    tell(Console(file=out), "phase", name="x")
    assert out.getvalue() == ""


def test_a_program_that_stopped_reading_costs_no_run() -> None:
    lines = io.StringIO()
    lines.close()
    console = EventConsole([json_lines(lines)], Console(quiet=True))
    for name in ("x", "y"):
        tell(console, "phase", name=name)
    assert lines.closed, "and nobody opened it again"


def test_it_is_as_quiet_as_the_console_that_it_stands_for() -> None:
    out = io.StringIO()
    EventConsole([], Console(file=out, quiet=True)).print("x")
    assert out.getvalue() == ""
    EventConsole([], Console(file=out)).print("x")
    assert out.getvalue() == "x\n"


def test_progress_tells_what_the_page_says() -> None:
    console, lines = listened()
    ledger = Ledger(reports_first_token=False, bounds=AnswerBounds(8, 1, frozenset({0})))
    pace = Pace(Scenario.OFFLINE, 7, 7, 3.5, 7, 0.0)
    lookout = Lookout(ledger, pace, Closely(ledger, pace, [Watched("TTFT", 99, 500.0)]))
    with RunProgress(console, "Offline performance", lookout) as progress:
        progress.update()
    (event,) = events(lines)
    assert set(event) - {"event", "at"} == documented()["progress"]
    assert (event["run"], event["expected"], event["ended"]) == ("Offline performance", 7, 0)
    assert event["eta_s"] == 3.5, "by the plan alone"
    assert event["times"] == [
        {"name": "TTFT", "percentile": 99, "ms": None, "limit_ms": 500, "late": 0}
    ]


def test_each_phase_is_told_after_it_is_marked(tmp_path: Path) -> None:
    session = SessionDir.create(tmp_path, "n")
    told: list[str] = []
    phases = Phases(pytest.fail)
    with marked(session, phases, told.append):
        phases.begin("warming up")
    assert told == ["warming up"]


def test_the_last_event_is_the_result(tmp_path: Path) -> None:
    console, lines = listened()
    outcome = SimpleNamespace(
        result=SimpleNamespace(valid=False, reasons=["Server: too late"]),
        session=SessionDir.create(tmp_path, "n"),
        interrupted=False,
    )
    _tell_result(outcome, console)  # type: ignore[arg-type]
    (event,) = events(lines)
    assert set(event) - {"event", "at"} == documented()["result"]
    assert (event["valid"], event["reasons"]) == (False, ["Server: too late"])
