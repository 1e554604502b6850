"""Whatever the official checker prints: nothing breaks, and no error is lost."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sut.submission.complaints import NOISE, explain
from sut.submission.official import OfficialReport, findings_of

WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


def line(text: str, level: str) -> str:
    return f"[2026-11-24 03:15:37,055 main.py:1 {level}] {text}"


@given(st.text(), st.integers(-9, 9))
def test_any_output_is_read_and_a_failure_is_never_empty(log: str, code: int):
    found = findings_of(OfficialReport(code, log), Path("/tree"))
    assert any(each.severity == "error" for each in found)


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_every_error_line_becomes_a_finding(texts: list[str]):
    log = "\n".join(line(text, "ERROR") for text in texts)
    found = findings_of(OfficialReport(1, log), Path("/tree"))
    said = {each.sentence for each in found}
    for text in texts:
        known = explain(text)
        assert NOISE.search(text) or (known.sentence if known else text) in said
