from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qsl.dataset import Dataset, Prompts
from qsl.library import Library, synthetic_warmup_prompts, warmup_prompts
from qsl.load import SAMPLE_FILE
from qsl.prompts import render_batch
from qsl.tokenizer import open_tokenizer
from sut.errors import DatasetError, RunError


def dataset(prompts: list[list[int]]) -> Dataset:
    return Dataset("tiny", "file", Path("t.json"), "0", False, Prompts.from_sequences(prompts))


def library() -> Library:
    return Library(dataset([[1, 2], [3], [4, 5, 6]]), performance_sample_count=2)


def test_counts() -> None:
    assert (library().total_count, library().performance_count) == (3, 2)
    assert Library(dataset([[1], [2]])).performance_count == 2


def test_more_performance_samples_than_there_are() -> None:
    with pytest.raises(DatasetError, match="4 exceeds the data set's 3"):
        Library(dataset([[1], [2], [3]]), performance_sample_count=4)


def test_load_returns_prompts_by_index() -> None:
    loaded = library().load([2, 0])
    assert {index: ids.tolist() for index, ids in loaded.items()} == {2: [4, 5, 6], 0: [1, 2]}
    assert list(loaded) == [2, 0]


def test_only_loaded_prompts_are_served() -> None:
    shelf = library()
    with pytest.raises(RunError, match="sample 1 was asked for but is not loaded"):
        shelf.prompt(1)
    shelf.load([0, 1])
    assert shelf.prompt(1).tolist() == [3]
    assert shelf.loaded_count == 2
    shelf.unload([1])
    assert shelf.loaded_count == 1
    assert shelf.prompt(0).tolist() == [1, 2]
    with pytest.raises(RunError, match="not loaded"):
        shelf.prompt(1)


def test_loading_twice_counts_once() -> None:
    shelf = library()
    shelf.load([0, 0])
    shelf.load([0])
    assert shelf.loaded_count == 1


def test_loading_nothing() -> None:
    shelf = library()
    assert shelf.load([]) == {}
    shelf.unload([])
    assert shelf.loaded_count == 0


@pytest.mark.parametrize("index", [-1, 3])
def test_indices_outside_are_refused(index: int) -> None:
    shelf = library()
    for call in (lambda: shelf.load([0, index]), lambda: shelf.unload([index])):
        with pytest.raises(RunError, match=f"sample {index} .* ends at 2"):
            call()
    with pytest.raises(RunError, match=f"sample {index}"):
        shelf.prompt(index)
    assert shelf.loaded_count == 0


def as_set(prompts: list[np.ndarray] | Prompts) -> set[tuple[int, ...]]:
    return {tuple(ids.tolist()) for ids in prompts}


def test_warmup_texts_are_distinct_and_not_in_the_data_set(model_folder: Path) -> None:
    from qsl.files import read_file

    tokenizer = open_tokenizer(model_folder)
    articles = read_file(SAMPLE_FILE).texts
    assert articles is not None
    sample = dataset(render_batch("chat", articles, tokenizer))
    prompts = warmup_prompts(sample, tokenizer, "chat", 40)
    assert len(as_set(prompts)) == 40
    assert not as_set(prompts) & as_set(sample.prompts)
    assert max(map(len, prompts)) <= sample.lengths.max
    assert len({len(ids) for ids in prompts}) > 3
    assert all(ids.dtype == np.int32 for ids in prompts)


def test_a_warmup_text_that_is_in_the_data_set_is_refused(model_folder: Path) -> None:
    tokenizer = open_tokenizer(model_folder)
    theirs = warmup_prompts(dataset([[1] * 5000]), tokenizer, "chat", 3)[2]
    with pytest.raises(DatasetError, match="a warm-up prompt equals sample 1"):
        warmup_prompts(dataset([[1] * 5000, theirs.tolist()]), tokenizer, "chat", 3)


def test_drawn_warmup_prompts_span_the_lengths_and_are_not_in_the_data_set() -> None:
    data = dataset([[7] * 10, [7] * 50, [7] * 30])
    prompts = synthetic_warmup_prompts(data, 5, vocab_size=100, avoid_ids=(7, 8))
    assert [len(ids) for ids in prompts] == [50, 40, 30, 20, 10]
    assert not as_set(prompts) & as_set(data.prompts)
    assert not {7, 8} & set(np.concatenate(prompts).tolist())
    assert max(ids.max() for ids in prompts) < 100
    assert all(ids.dtype == np.int32 for ids in prompts)


def test_drawn_warmup_prompts_are_checked_against_the_data_set() -> None:
    with pytest.raises(DatasetError, match="equals sample 0"):
        synthetic_warmup_prompts(dataset([[0, 0]]), 1, vocab_size=1)


def test_one_warmup_prompt_is_the_longest() -> None:
    assert [len(p) for p in synthetic_warmup_prompts(dataset([[1], [1] * 9]), 1, 100)] == [9]
    assert synthetic_warmup_prompts(dataset([[1]]), 0, 100) == []
