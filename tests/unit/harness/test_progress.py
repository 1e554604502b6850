"""Where a run is drawn, and where it is only told: by what the console writes to."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Iterator
from contextlib import ExitStack
from typing import IO

import pytest
from rich.console import Console

from sut.config.names import Scenario
from sut.harness.closely import Closely, Watched
from sut.harness.eta import Pace
from sut.harness.events import EventConsole
from sut.harness.ledger import Ledger
from sut.harness.lookout import Lookout
from sut.harness.progress import RunProgress, takes_a_view
from sut.record.answer import AnswerBounds

XTERM = {"TERM": "xterm-256color", "COLUMNS": "80"}
PACE = Pace(Scenario.SERVER, 10, 10, 5.0, 10, 5)


@pytest.fixture
def terminal() -> Iterator[tuple[int, IO[str]]]:
    """Our end of a terminal, and the stream that writes to it."""
    ours, theirs = pty.openpty()
    with ExitStack() as stack:
        stack.callback(os.close, ours)
        yield ours, stack.enter_context(open(theirs, "w", encoding="utf-8"))  # noqa: PTH123


def read_until(terminal: int, words: str) -> str:
    """What was drawn, up to these words: a terminal hands it over in pieces."""
    read = ""
    while words not in read:
        read += os.read(terminal, 65536).decode()
    return read


def lookout() -> Lookout:
    ledger = Ledger(reports_first_token=True, bounds=AnswerBounds(3, 1, frozenset({0})))
    return Lookout(ledger, PACE, Closely(ledger, PACE, [Watched("TTFT", 99, 500.0)]))


def test_a_terminal_is_drawn_on_and_left_clean(terminal: tuple[int, IO[str]]) -> None:
    ours, stream = terminal
    console = Console(file=stream, width=80, _environ=XTERM)
    assert takes_a_view(console)
    with RunProgress(console, "Server performance", lookout()) as progress:
        progress.update()
        drawn = read_until(ours, "outstanding")
    left = read_until(ours, "0/10 after 0 s, ETA 5 s")
    assert "Running Server performance\x1b[0m for 0 s, ETA 5 s" in drawn
    assert "TTFT P99    not measured yet" in drawn
    assert drawn.rindex("\x1b[?25h") > drawn.rindex("\x1b[?25l"), "whoever ends us has a cursor"
    assert "\x1b[2K" in left, "the view goes"


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": "unknown"}])
def test_a_dumb_terminal_gets_lines(
    terminal: tuple[int, IO[str]], environment: dict[str, str]
) -> None:
    assert not takes_a_view(Console(file=terminal[1], _environ=environment))


def test_a_quiet_console_gets_nothing(terminal: tuple[int, IO[str]]) -> None:
    console = Console(file=terminal[1], quiet=True, _environ=XTERM)
    assert not takes_a_view(console)
    assert not takes_a_view(EventConsole([], console))


@pytest.mark.parametrize("environment", [XTERM, XTERM | {"FORCE_COLOR": "1"}])
def test_a_pipe_is_never_drawn_on(environment: dict[str, str]) -> None:
    out = io.StringIO()
    console = Console(file=out, _environ=environment)
    assert not takes_a_view(console)
    with RunProgress(console, "Server performance", lookout()) as progress:
        progress.update(last=True)
    assert out.getvalue() == ""


def test_a_program_is_told_once_a_second_and_at_the_end() -> None:
    told: list[object] = []
    seconds = iter([0.0, 0.1, 0.6, 1.2, 1.3, 1.4])
    console = EventConsole(
        [lambda _, fields: told.append(fields["elapsed_s"])], Console(quiet=True)
    )
    with RunProgress(console, "Server performance", lookout(), lambda: next(seconds)) as progress:
        for last in (False, False, False, False, True):
            progress.update(last=last)
    assert told == [0.1, 1.2, 1.4]


def test_a_terminal_without_colours_is_drawn_on_without_them(
    terminal: tuple[int, IO[str]],
) -> None:
    ours, stream = terminal
    console = Console(file=stream, width=80, _environ=XTERM | {"NO_COLOR": "1"})
    with RunProgress(console, "Server performance", lookout()) as progress:
        progress.update()
        drawn = read_until(ours, "failed")
    assert "\x1b[3" not in drawn, "no colour"
