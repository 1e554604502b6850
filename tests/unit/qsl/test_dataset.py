from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qsl.dataset import Dataset, Prompts, check
from sut.errors import DatasetError


def dataset(prompts: list[list[int]], **changes: object) -> Dataset:
    fields: dict[str, object] = {
        "name": "tiny",
        "source": "file",
        "path": Path("tiny.json"),
        "sha256": "0" * 64,
        "synthetic": False,
        "prompts": Prompts.from_sequences(prompts),
    }
    return Dataset(**(fields | changes))  # type: ignore[arg-type]


def test_prompts_are_views_of_one_array() -> None:
    prompts = Prompts.from_sequences([[1, 2, 3], [4], [5, 6]])
    assert [p.tolist() for p in prompts] == [[1, 2, 3], [4], [5, 6]]
    assert all(p.dtype == np.int32 and p.base is prompts.tokens for p in prompts)
    assert prompts.tokens.nbytes == 24


def test_a_prompt_cannot_be_written_to() -> None:
    prompts = Prompts.from_sequences([[1, 2, 3]])
    with pytest.raises(ValueError, match="read-only"):
        prompts[0][0] = 9


@pytest.mark.parametrize("index", [-1, 2])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(IndexError):
        Prompts.from_sequences([[1], [2]])[index]


def test_other_widths_are_refused() -> None:
    with pytest.raises(TypeError, match="int64"):
        Prompts(np.zeros(2, np.int64), np.array([0, 2]))


def test_head_keeps_the_first() -> None:
    prompts = Prompts.from_sequences([[1, 2], [3], [4]])
    assert [p.tolist() for p in prompts.head(2)] == [[1, 2], [3]]
    assert len(prompts.head(2).tokens) == 3
    assert len(prompts.head(9)) == 3


def test_checksum_sees_ids_and_boundaries() -> None:
    sums = {
        Prompts.from_sequences(p).sha256() for p in ([[1, 2], [3]], [[1], [2, 3]], [[1, 2], [4]])
    }
    assert len(sums) == 3


def test_lengths() -> None:
    lengths = dataset([[1], [1, 2], [1, 2, 3, 4, 5, 6]]).lengths
    assert (lengths.min, lengths.mean, lengths.max) == (1, 3.0, 6)


def test_lengths_of_nothing_is_an_error() -> None:
    with pytest.raises(DatasetError, match="no sample"):
        _ = dataset([]).lengths


def test_check_accepts_the_exact_limits() -> None:
    fits = dataset([[0, 9, 1, 2], [3]])
    check(fits, vocab_size=10, context_tokens=6, max_tokens=2, performance_sample_count=2)


@pytest.mark.parametrize(
    ("prompts", "message"),
    [
        ([], "no sample"),
        ([[1], []], "sample 1 has an empty prompt"),
        ([[1, 2], [3, 10]], "sample 1 holds token id 10, outside .* 10"),
        ([[10], [1]], "sample 0 holds token id 10"),
        ([[1], [2], [-3, 1]], "sample 2 holds token id -3"),
        ([[1], [1, 2, 3, 4, 5]], "sample 1 has 5 prompt tokens, .* max_tokens 2 .* context of 6"),
        ([[1]], "1 samples, fewer than performance_sample_count 2"),
    ],
)
def test_check_names_what_does_not_fit(prompts: list[list[int]], message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        check(dataset(prompts), 10, context_tokens=6, max_tokens=2, performance_sample_count=2)
    assert caught.value.where == "tiny.json"
    assert caught.value.remedy
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("column", ["references", "articles"])
def test_check_counts_the_texts(column: str) -> None:
    with pytest.raises(DatasetError, match=f"1 {column} for 2 prompts"):
        check(dataset([[1], [2]], **{column: ["one"]}), 10, 6, 2)


def test_the_place_of_a_data_set_without_a_user_file_is_its_name() -> None:
    assert dataset([[1]], source="synthetic", path=None).place == "data set tiny"
