"""Logs as other people's systems make LoadGen write them: names, numbers and ends of lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.errors import LogError
from sut.logs.run_logs import LoadGenLogs, cross_check, read_logs
from sut.logs.summary import printed_number

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"


def entry(key: str, value: str) -> str:
    """A line as LoadGen writes it: the value is not escaped."""
    return f':::MLLOG {{"key": "{key}", "value": {value}, "time_ms": 1.5, "metadata": {{}}}}\n'


def logs_of(folder: Path, name: str = "sut", rate: str = "20.5", second: str | None = None) -> Path:
    (folder / DETAIL).write_text(
        entry("sut_name", f'"{name}"')
        + entry("effective_scenario", '"Offline"')
        + entry("result_validity", '"VALID"')
        + entry("result_samples_per_second", rate)
        + entry("num_errors", "0"),
        encoding="utf-8",
    )
    (folder / SUMMARY).write_text(
        f"SUT name : {name}\nScenario : Offline\nResult is : VALID\n"
        f"Samples per second: {second or rate}\n"
        "Test Parameters Used\nNo warnings encountered during test.\nNo errors encountered\n",
        encoding="utf-8",
    )
    return folder


def both(logs: LoadGenLogs, figure: str) -> tuple[object, object]:
    assert logs.summary is not None
    return getattr(logs.figures, figure), getattr(logs.summary.figures, figure)


@pytest.mark.parametrize(
    "name",
    [
        "Fleet: node one, node two",
        "a:b",
        'the "best" box',
        "back\\slash",
        "two\nlines",
        "a\ttab",
        "",
        "Ünïcode \u2028 box",
        "x\nResult is : INVALID",
    ],
)
def test_a_sut_name_is_anybodys_text(tmp_path: Path, name: str) -> None:
    logs = read_logs(logs_of(tmp_path, name))
    ours, theirs = both(logs, "sut_name")
    assert str(ours).split() == str(theirs).split() == name.split()
    assert both(logs, "valid") == (True, True)
    assert cross_check(logs) == []


def test_another_sut_name_is_a_disagreement(tmp_path: Path) -> None:
    logs_of(tmp_path, "Fleet: one")
    text = (tmp_path / SUMMARY).read_text(encoding="utf-8").replace("Fleet: one", "Fleet: two")
    (tmp_path / SUMMARY).write_text(text, encoding="utf-8")
    assert [each.figure for each in cross_check(read_logs(tmp_path))] == ["sut_name"]


@pytest.mark.parametrize("rate", ["inf", "-inf", "nan", "-nan", "-nan(ind)", "1e400"])
def test_what_is_not_a_number_is_not_measured(tmp_path: Path, rate: str) -> None:
    logs = read_logs(logs_of(tmp_path, rate=rate))
    assert both(logs, "samples_per_second") == (None, None)
    assert [each.figure for each in cross_check(logs)] == []


def test_a_rate_in_one_log_alone_is_a_disagreement(tmp_path: Path) -> None:
    logs = read_logs(logs_of(tmp_path, rate="inf", second="20.5"))
    assert [each.figure for each in cross_check(logs)] == ["samples_per_second"]


def test_digits_beyond_a_double_are_not_measured(tmp_path: Path) -> None:
    logs = read_logs(logs_of(tmp_path, rate="9" * 400, second="inf"))
    assert both(logs, "samples_per_second") == (None, None)


def test_true_is_not_the_number_one(tmp_path: Path) -> None:
    logs = read_logs(logs_of(tmp_path, rate="true", second="inf"))
    assert logs.figures.samples_per_second is None


@pytest.mark.parametrize("rate", ["1_000", "1,000", "0x10", "²", "infinity", "12 per s"])
def test_what_python_alone_takes_for_a_number_is_refused(tmp_path: Path, rate: str) -> None:
    with pytest.raises(LogError, match="is not a number") as caught:
        read_logs(logs_of(tmp_path, rate="1", second=rate))
    assert caught.value.where == f"{tmp_path / SUMMARY}:4"


def test_lines_after_a_name_of_two_lines_keep_their_number(tmp_path: Path) -> None:
    with pytest.raises(LogError) as caught:
        read_logs(logs_of(tmp_path, name="two\nlines", rate="1", second="fast"))
    assert caught.value.where == f"{tmp_path / SUMMARY}:5"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("48", 48),
        ("1e+08", 1e8),
        ("-3", -3),
        ("0.10", 0.1),
        ("9" * 500, None),
        ("7".zfill(400), 7),
        ("7".zfill(401), None),
    ],
)
def test_printed_numbers(text: str, value: float | None) -> None:
    assert printed_number(text) == value


def test_a_byte_order_mark_and_dos_lines_are_read(tmp_path: Path) -> None:
    logs_of(tmp_path, name="box")
    for name in (DETAIL, SUMMARY):
        text = (tmp_path / name).read_bytes().replace(b"\n", b"\r\n")
        (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text)
    logs = read_logs(tmp_path)
    assert both(logs, "sut_name") == ("box", "box")
    assert cross_check(logs) == []


def test_a_name_in_another_encoding_is_read(tmp_path: Path) -> None:
    logs_of(tmp_path, name="box é")
    for name in (DETAIL, SUMMARY):
        text = (tmp_path / name).read_text(encoding="utf-8")
        (tmp_path / name).write_bytes(text.encode("latin-1"))
    assert cross_check(read_logs(tmp_path)) == []


def test_a_line_that_no_text_explains_is_still_corruption(tmp_path: Path) -> None:
    logs_of(tmp_path)
    whole = (tmp_path / DETAIL).read_text(encoding="utf-8")
    first, rest = whole.split("\n", 1)
    (tmp_path / DETAIL).write_text(f"{first}\ngarbage\n{rest}", encoding="utf-8")
    with pytest.raises(LogError, match="is not a LoadGen entry") as caught:
        read_logs(tmp_path)
    assert caught.value.where == f"{tmp_path / DETAIL}:2"


def test_a_file_is_said_to_be_one(tmp_path: Path) -> None:
    logs_of(tmp_path)
    with pytest.raises(LogError, match="is a file, not a folder"):
        read_logs(tmp_path / DETAIL)
