"""The live view as it stands in 80 columns, in every state; without colour it says the same."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sut.config.names import Scenario
from sut.harness.closely import Figures, SoFar, Watched
from sut.harness.eta import Pace, Seen
from sut.harness.lookout import Look
from sut.harness.screen import screen

SERVER = Pace(Scenario.SERVER, 5400, 5400, 600.0, 5400, 600)
MLPERF = Pace(Scenario.INTERACTIVE, 1_336_800, 1_336_800, 60_000.0, 1_336_800, 6000)
OFFLINE = Pace(Scenario.OFFLINE, 26_736, 26_736, 700.0, 26_736, 600)
TTFT = Watched("TTFT", 99, 2000.0, loadgens=True)
TPOT = Watched("TPOT", 99, 100.0, loadgens=True)
LATENCY = Watched("latency", 99)


def figures(**changes: object) -> Figures:
    known: dict[str, object] = {
        "tokens_out": 282_880,
        "tokens_per_s": 1152.25,
        "answers_per_s": 9.002,
        "times": (SoFar(TTFT, 412.1, 3), SoFar(TPOT, 104.0, 33), SoFar(LATENCY, 12_345.6, 0)),
        "needed": 3190,
        "needed_for": None,
        "preemptions": 3.0,
        "preempted_on": {},
    }
    return Figures(**(known | changes))  # type: ignore[arg-type]


def look(found: Figures | None, *, failed: int = 0, left_s: float | None = 353.0) -> Look:
    return Look(Seen(246.0, 2328, 2210, 1.0, 2, 90), 5400, failed, left_s, found)


def shown(
    pace: Pace, at: Look, *, plain: bool = False, colour: bool = False, width: int = 80
) -> list[str]:
    out = io.StringIO()
    console = Console(
        file=out, width=width, force_terminal=colour, color_system="truecolor" if colour else None,
        legacy_windows=False, _environ={},
    )  # fmt: skip
    console.print(screen("Server performance", pace, at, plain=plain))
    return out.getvalue().splitlines()


def test_a_server_run_in_eighty_columns() -> None:
    assert shown(SERVER, look(figures())) == [
        "Running Server performance for 4 min, ETA 6 min",
        "queries     2,210 of 5,400 at least         █████████░░░░░░░░░░░░░ 41%",
        "duration    246 of 600 s at least           █████████░░░░░░░░░░░░░ 41%",
        "needed      3,190 more",
        "TTFT P99    412.1 of 2,000 ms               ████░░░░░░░░░░░░░░░░░░ within",
        "TPOT P99    104 of 100 ms                   ██████████████████████ OVER",
        "latency P99 12,346 ms",
        "rate        1,152 tokens/s, 9.002 answers/s",
        "open        118 outstanding, 0 failed, 3 pre-emptions",
    ]


def test_an_offline_run_has_no_limits_and_waits_for_no_minimum_of_queries() -> None:
    found = figures(times=(), needed=24_526, preemptions=None)
    assert shown(OFFLINE, look(found, failed=7, left_s=None)) == [
        "Running Server performance for 4 min, ETA not known yet",
        "samples     2,210 of 26,736                 █░░░░░░░░░░░░░░░░░░░░░ 8%",
        "duration    246 of 600 s at least           █████████░░░░░░░░░░░░░ 41%",
        "needed      24,526 more",
        "rate        1,152 tokens/s, 9.002 answers/s",
        "open        118 outstanding, 7 failed",
    ]


def test_what_was_not_measured_is_said() -> None:
    empty = figures(
        tokens_per_s=None,
        answers_per_s=None,
        preemptions=None,
        times=(SoFar(TTFT, None, 0),),
        needed=0,
    )
    lines = shown(SERVER, look(empty))
    assert lines[3:] == [
        "needed      no more",
        "TTFT P99    not measured yet",
        "rate        not measured yet",
        "open        118 outstanding, 0 failed",
    ]


@pytest.mark.parametrize(
    ("needed", "line"),
    [
        (129, "needed      129 more: TPOT P99 with 33 late asks for them"),
        (None, "needed      TPOT P99 is lost: 33 are late already"),
    ],
)
def test_a_percentile_that_asks_for_more_is_named(needed: int | None, line: str) -> None:
    found = figures(needed=needed, needed_for=SoFar(TPOT, 104.0, 33))
    assert shown(SERVER, look(found))[3] == line


def test_the_largest_runs_fit() -> None:
    times = tuple(
        SoFar(Watched(kind, 99.9, 123_456.0, loadgens=True), 98_765.4, 13_368)
        for kind in ("TTFT", "TPOT", "latency")
    )
    found = figures(
        times=times, tokens_per_s=1e6, needed=1_336_800, needed_for=times[2], preemptions=123_456.0
    )
    seen = Seen(86_400.0, 1_336_800, 1_000_000, 1.0, 2, 90)
    lines = shown(MLPERF, Look(seen, 1_336_800, 336_800, 360_000.0, found))
    assert max(map(len, lines)) <= 80
    assert len(lines) == 9, "none was wrapped"


def test_the_replica_that_puts_off_the_most_is_named_once_one_does() -> None:
    at = [shown(SERVER, look(figures(preempted_on=on))) for on in ({0: 0.0, 1: 0.0}, {0: 3.0})]
    assert not any("replica" in line for lines in at for line in lines)
    named = shown(SERVER, look(figures(preempted_on={0: 1.0, 3: 1_200.0})))
    assert named[-1] == "replicas    replica 3 has put off most: 1,200 of 1,201"


def test_a_terminal_of_ascii_gets_ascii() -> None:
    assert "".join(shown(SERVER, look(figures()), plain=True)).isascii()


def test_colours_say_nothing_that_no_word_says() -> None:
    plain = shown(SERVER, look(figures(), failed=1))
    coloured = shown(SERVER, look(figures(), failed=1), colour=True)
    assert plain != coloured
    assert [_without_colour(line) for line in coloured] == plain


def _without_colour(line: str) -> str:
    from rich.text import Text

    return Text.from_ansi(line).plain
