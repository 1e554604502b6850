"""The log readers on anything: they return what was written or raise LogError, never else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sut.errors import LogError
from sut.logs.detail import DETAIL_NAME, read_detail
from sut.logs.figures import Figures
from sut.logs.run_logs import cross_check, read_logs
from sut.logs.summary import SUMMARY_NAME, parse_summary

RECORDED = Path(__file__).resolve().parents[1] / "data" / "logs"
VALUES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(-1e29, 1e29)
    | st.text(max_size=20)
)
KEYS = st.text("abcdefghij_.0123456789", min_size=1, max_size=12).filter(
    lambda key: not key.startswith(("error_", "warning_"))
)


def entry(key: str, value: object) -> str:
    return ":::MLLOG " + json.dumps({"key": key, "value": value, "metadata": {}}) + "\n"


@given(st.lists(st.tuples(KEYS, VALUES), max_size=30))
def test_values_come_back_exactly_and_the_first_holds(lines: list[tuple[str, object]]) -> None:
    first: dict[str, object] = {}
    for key, value in lines:
        first.setdefault(key, value)
    first.setdefault("num_errors", 0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DETAIL_NAME
        path.write_text("".join(entry(*line) for line in [*lines, ("num_errors", 0)]))
        log = read_detail(path)
    assert log.values == first
    assert {key: type(value) for key, value in log.values.items()} == {
        key: type(value) for key, value in first.items()
    }
    assert log.incomplete is None


@given(st.integers(0, 40_000))
def test_a_log_cut_anywhere_is_read_as_far_as_it_goes(cut: int) -> None:
    whole = (RECORDED / "server" / DETAIL_NAME).read_bytes()
    reference = read_detail(RECORDED / "server" / DETAIL_NAME)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / DETAIL_NAME
        path.write_bytes(whole[:cut])
        log = read_detail(path, allow_incomplete=True)
    assert log.values.items() <= reference.values.items()
    assert (log.incomplete is None) == ("num_errors" in log.values)
    assert log.lines >= whole[:cut].count(b"\n")


@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_give_a_log_or_a_log_error(content: bytes, marked: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        detail, summary = Path(folder) / DETAIL_NAME, Path(folder) / SUMMARY_NAME
        detail.write_bytes((b":::MLLOG " if marked else b"") + content)
        summary.write_bytes(content)
        raised, incomplete = None, None
        try:
            incomplete = read_logs(Path(folder), allow_incomplete=True).incomplete
        except LogError as error:
            raised = error
    # No such log ends as LoadGen ends one: either it is refused or it says where it breaks.
    assert (raised is None) == bool(incomplete)
    assert raised is None or (raised.where and raised.remedy)


@given(st.text(max_size=300))
def test_any_summary_gives_figures_or_a_log_error(text: str) -> None:
    raised, figures = None, None
    try:
        figures = parse_summary(text, Path(SUMMARY_NAME)).figures
    except LogError as error:
        raised = error
    assert (raised is None) == (figures is not None)
    assert figures != Figures()
    assert raised is None or (raised.where and raised.remedy)


@given(
    st.sampled_from(["completed_samples_per_second", "completed_tokens_per_second"]),
    st.floats(0.05, 1e5),
)
def test_a_rate_moved_by_more_than_its_printed_digits_is_found(figure: str, by: float) -> None:
    source = RECORDED / "server"
    wording = {
        "completed_samples_per_second": ("Completed samples per second    : ",),
        "completed_tokens_per_second": (
            "Completed tokens per second: ",
            "Completed tokens per second                 : ",
        ),
    }[figure]
    official = getattr(read_logs(source).figures, figure)
    text = (source / SUMMARY_NAME).read_text(encoding="utf-8")
    lines = [
        f"{start}{official + by:.2f}" if line.startswith(start) else line
        for line in text.splitlines()
        for start in [next((s for s in wording if line.startswith(s)), "\0")]
    ]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / DETAIL_NAME).write_bytes((source / DETAIL_NAME).read_bytes())
        (Path(folder) / SUMMARY_NAME).write_text("\n".join(lines), encoding="utf-8")
        assert [each.figure for each in cross_check(read_logs(Path(folder)))] == [figure]
