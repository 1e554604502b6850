"""The reader of accuracy logs on anything: what was written, or one LogError."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.logs import find_logs
from audit.test06 import ENDS_TWICE, GOES_ON, verify
from sut.config.names import Scenario
from sut.errors import LogError
from sut.logs.accuracy import ACCURACY_NAME, read_accuracy_log
from tests.unit.audit.sabotage import entry

RECORDED = Path(__file__).resolve().parents[1] / "data" / "logs" / "accuracy" / ACCURACY_NAME
TOKENS = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
KEYS = st.sampled_from(["seq_id", "qsl_idx", "data", "token_data", "token_count"])
HEX = st.text("0123456789ABCDEFG ", max_size=20)


def read_bytes(content: bytes) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ACCURACY_NAME
        path.write_bytes(content)
        return list(read_accuracy_log(path))


@given(st.lists(st.tuples(TOKENS, TOKENS), max_size=10))
def test_answers_come_back_as_they_were_written(answers: list[tuple[list[int], list[int]]]):
    entries = [
        entry(seq, tokens, token_data=entry(0, first)["data"])
        for seq, (tokens, first) in enumerate(answers)
    ]
    read = read_bytes(json.dumps(entries).encode())
    assert [(each.tokens.tolist(), each.first_tokens.tolist()) for each in read] == answers
    assert [each.token_count for each in read] == [len(tokens) for tokens, _ in answers]


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_anything_else_is_an_empty_log_or_a_log_error(content: bytes):
    complaint = ""
    try:
        assert read_bytes(content) == []
    except LogError as error:
        complaint = error.render()
    assert "\n" not in complaint


@given(st.lists(st.dictionaries(KEYS, JSON | HEX | st.integers()), min_size=1, max_size=3))
def test_entries_with_odd_values_are_read_or_refused(entries: list[dict[str, Any]]):
    try:
        read = read_bytes(json.dumps(entries).encode())
    except LogError:
        return
    assert [each.seq_id for each in read] == [each["seq_id"] for each in entries]


@given(st.integers(min_value=0))
def test_a_log_that_was_cut_is_never_taken_for_a_whole_one(cut: int):
    whole = RECORDED.read_bytes().rstrip()
    with pytest.raises(LogError):
        read_bytes(whole[: cut % len(whole)])


@given(st.lists(st.integers(0, 3), min_size=2, max_size=8))
def test_only_an_answer_with_one_last_eos_or_none_passes(tokens: list[int]):
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / ACCURACY_NAME).write_text(json.dumps([entry(0, tokens)]))
        checks = verify(find_logs(Path(folder), Scenario.SERVER, (2, 3)))
    passed = all(each.passed for each in checks if each.name in (ENDS_TWICE, GOES_ON))
    assert passed == (not set(tokens[:-1]) & {2, 3})
