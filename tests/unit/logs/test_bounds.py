"""How much of a log is ever held: a bound that slips lets a hostile file fill the memory."""

from __future__ import annotations

from pathlib import Path

from sut.logs import accuracy, detail, summary


def test_the_bounds_are_these() -> None:
    assert summary.MAX_BYTES == 4_194_304
    assert summary.MAX_DIGITS == 400
    assert detail.MAX_LINE_BYTES == 67_108_864
    assert detail.MAX_TEXTS == 65_536
    assert (detail.MAX_KEYS, detail.MAX_MESSAGE_GROUPS, detail.MAX_TEXT) == (10_000, 100, 160)
    assert (accuracy.MAX_BYTES, accuracy.LEAST_WORDS) == (536_870_912, 8)


def test_a_warning_among_the_parameters_is_none() -> None:
    text = "Scenario : Server\nTest Parameters Used\nWARNING: sut: odd\nmin_duration (ms): 600000\n"
    found = summary.parse_summary(text, Path("summary.txt"))
    assert found.parameters == {"min_duration (ms)": "600000"}
    assert found.figures.scenario == "Server"


def test_a_name_is_read_wherever_it_stands() -> None:
    text = "Scenario : Server\nMode : PerformanceOnly\nSUT name : box\n"
    found = summary.parse_summary(text, Path("summary.txt")).figures
    assert (found.sut_name, found.scenario, found.mode) == ("box", "Server", "PerformanceOnly")
