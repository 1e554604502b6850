"""How much of a log is ever held: a bound that slips lets a hostile file fill the memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.verifier import logs
from sut.logs import accuracy, detail, summary
from sut.result.build import build
from tests.unit.result.sessions import RECORDED, make_session


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


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("18446744073709551615", 2**64 - 1),
        ("1e29", 1e29),
        ("1e31", None),
        ("-1e300", None),
        ("1e400", None),
        ("1" + "0" * 31, None),
        ("1" + "0" * 400, None),
    ],
)
def test_a_number_that_loadgen_cannot_have_written_is_none(
    number: str, read: float | None, tmp_path: Path
) -> None:
    text = (RECORDED / "server" / detail.DETAIL_NAME).read_text()
    line = f':::MLLOG {{"key": "made_up", "value": {number}, "metadata": {{}}}}\n'
    path = tmp_path / detail.DETAIL_NAME
    path.write_text(text + line)
    assert detail.read_detail(path).values["made_up"] == read
    assert summary.printed_number(number) == read


@pytest.mark.parametrize("number", ["1e300", "1" + "0" * 400, "-1" + "0" * 40])
def test_a_figure_past_all_bounds_is_a_verdict_and_no_traceback(
    number: str, tmp_path: Path
) -> None:
    root = make_session(tmp_path, "server")
    path = root / "Server/performance" / detail.DETAIL_NAME
    text, changed = re.subn(
        r'("key": "result_[a-z_0-9.]*_ns", "value": )\d+', rf"\g<1>{number}", path.read_text()
    )
    assert changed > 10
    path.write_text(text)
    assert not build(root).valid


@pytest.mark.parametrize("number", ["1e300", "1" + "0" * 400])
def test_the_verifier_of_a_tree_takes_them_for_none_too(number: str) -> None:
    line = f':::MLLOG {{"key": "result_max", "value": {number}, "metadata": {{"pid": [1]}}}}\n'
    assert [each["value"] for each in logs.entries(line)] == [None]
