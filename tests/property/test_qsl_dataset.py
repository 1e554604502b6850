from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsl.dataset import Dataset, Prompts, check
from qsl.files import read_file
from qsl.synthetic import Lengths, generate
from sut.errors import DatasetError

LENGTHS = Lengths(870, 400, 60, 2540, 40, 110)

IDS = st.integers(-(2**31), 2**31 - 1)
PROMPTS = st.lists(st.lists(IDS, max_size=8), min_size=1, max_size=8)


def dataset(prompts: list[list[int]]) -> Dataset:
    return Dataset("p", "file", Path("p.json"), "0", False, Prompts.from_sequences(prompts))


@given(PROMPTS)
def test_the_store_gives_back_what_it_took(prompts: list[list[int]]) -> None:
    store = Prompts.from_sequences(prompts)
    assert [p.tolist() for p in store] == prompts
    assert store.lengths.tolist() == [len(p) for p in prompts]


@given(PROMPTS, PROMPTS)
def test_checksums_agree_exactly_when_prompts_do(a: list[list[int]], b: list[list[int]]) -> None:
    same = Prompts.from_sequences(a).sha256() == Prompts.from_sequences(b).sha256()
    assert same == (a == b)


@given(
    st.lists(st.lists(st.integers(-1, 5), max_size=4), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(2, 6),
)
def test_check_agrees_with_a_loop(prompts: list[list[int]], vocab: int, context: int) -> None:
    max_tokens = 2
    good = all(p and len(p) + max_tokens <= context for p in prompts) and all(
        0 <= token < vocab for p in prompts for token in p
    )
    if good:
        check(dataset(prompts), vocab, context, max_tokens)
    else:
        with pytest.raises(DatasetError, match=r"sample \d+"):
            check(dataset(prompts), vocab, context, max_tokens)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"input": st.text(), "tok_input": st.lists(IDS, max_size=5), "output": st.text()}
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_json_comes_back_as_it_was_written(rows: list[dict[str, object]], ascii_only: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.json"
        text = json.dumps(rows, ensure_ascii=ascii_only)
        path.write_text(text, encoding="utf-8")
        columns = read_file(path)
    assert columns.texts == [row["input"] for row in rows]
    assert columns.references == [row["output"] for row in rows]
    assert columns.prompts is not None
    assert [p.tolist() for p in columns.prompts] == [row["tok_input"] for row in rows]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "d.json"
        path.write_bytes(data)
        try:
            columns = read_file(path)
        except DatasetError as error:
            assert error.where == str(path)  # noqa: PT017 - a refusal is one of two good ends
        else:
            assert columns.texts is not None or columns.prompts is not None


@given(
    st.integers(1, 30),
    st.integers(2, 400),
    st.sets(st.integers(0, 401), max_size=3),
    st.integers(0, 2**32),
    st.integers(1, 3000),
)
def test_generated_prompts_pass_the_check(
    count: int, vocab: int, avoid: set[int], seed: int, longest: int
) -> None:
    if set(range(vocab)) <= avoid:
        vocab = 500
    data = generate(count, vocab, LENGTHS, avoid, seed, longest)
    check(data, vocab, context_tokens=longest + 7, max_tokens=7, performance_sample_count=count)
    assert not np.isin(data.prompts.tokens, list(avoid)).any()
