from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.accuracy.answers import Answer, first_per_sample, read_answers
from sut.errors import LogError
from sut.logs.accuracy import ACCURACY_NAME

token_ids = st.lists(st.integers(0, 2**31 - 1), max_size=20)
entries = st.lists(st.tuples(st.integers(0, 30), token_ids, st.none() | token_ids), max_size=20)


def as_log(rows: list[tuple[int, list[int], list[int] | None]]) -> bytes:
    """The rows as LoadGen 6.0 lays them out."""
    lines = []
    for seq_id, (index, tokens, first) in enumerate(rows):
        line = f'{{ "seq_id" : {seq_id}, "qsl_idx" : {index}, "data" : "{as_hex(tokens)}"'
        if first is not None:
            line += f', "token_data" : "{as_hex(first)}"'
        lines.append(line + f', "token_count" : {len(tokens)} }}')
    return ("[\n" + ",\n".join(lines) + "\n]\n").encode()


def as_hex(tokens: list[int]) -> str:
    return np.array(tokens, dtype="<i4").tobytes().hex().upper()


def read(content: bytes) -> list[Answer]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / ACCURACY_NAME
        path.write_bytes(content)
        return read_answers(path)


@given(entries)
def test_every_entry_is_read_as_it_was_written(
    rows: list[tuple[int, list[int], list[int] | None]],
) -> None:
    answers = read(as_log(rows))
    found = [(answer.sample_index, answer.tokens.tolist()) for answer in answers]
    assert found == [(index, tokens) for index, tokens, _ in rows]
    kept = first_per_sample(answers)
    assert [a.sample_index for a in kept] == list(dict.fromkeys(row[0] for row in rows))
    assert all(a is next(b for b in answers if b.sample_index == a.sample_index) for a in kept)


@given(entries.filter(bool), st.data())
def test_a_log_cut_anywhere_is_refused(
    rows: list[tuple[int, list[int], list[int] | None]], data: st.DataObject
) -> None:
    content = as_log(rows)
    cut = data.draw(st.integers(0, content.rindex(b"]")))
    with pytest.raises(LogError):
        read(content[:cut])


@given(st.binary(max_size=200) | st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["seq_id", "qsl_idx", "data", "token_data", "token_count"]), inner
    )
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_anything_else_is_read_or_refused_with_its_place(content: bytes) -> None:
    refusal = None
    try:
        read(content)
    except LogError as error:
        refusal = error
    assert refusal is None or (refusal.where and refusal.remedy)
