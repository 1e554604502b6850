from __future__ import annotations

import numpy as np
import pytest

from qsl.synthetic import Lengths, generate
from sut.config.rounds import load_round
from sut.errors import DatasetError

KNOWN = load_round("v6.1").benchmark("llama3.1-8b").dataset_lengths
assert KNOWN is not None
LENGTHS = Lengths(**KNOWN.model_dump())


def test_lengths_are_those_that_are_asked_for() -> None:
    lengths = generate(13368, 1000, LENGTHS).prompts.lengths
    assert lengths.mean() == pytest.approx(870, rel=0.03)
    assert lengths.std() == pytest.approx(400, rel=0.05)
    assert lengths.min() >= LENGTHS.shortest
    assert lengths.max() == LENGTHS.longest
    assert np.median(lengths) < lengths.mean()


def test_the_same_seed_gives_the_same_ids() -> None:
    first, again, other = (generate(50, 1000, LENGTHS, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(first.prompts.tokens, again.prompts.tokens)
    assert first.sha256 == again.sha256 == first.prompts.sha256()
    assert first.sha256 != other.sha256


def test_the_default_data_set_has_not_changed() -> None:
    """Results name this checksum; a change here makes old ones incomparable."""
    digest = generate(1000, 128256, LENGTHS, (128001, 128008, 128009)).sha256
    assert digest == "a68bb095d5c6b07f23320fe9b97a79b9a306e3b5f2e82257ad075aac6677630a"


def test_ids_cover_the_vocabulary_but_for_those_to_avoid() -> None:
    tokens = generate(100, 64, LENGTHS, avoid_ids=(0, 63, 7, 999)).prompts.tokens
    assert set(tokens.tolist()) == set(range(64)) - {0, 63, 7}


def test_the_longest_prompt_may_be_cut() -> None:
    lengths = generate(500, 100, LENGTHS, max_prompt_tokens=300).prompts.lengths
    assert lengths.max() == 300
    assert lengths.min() < 300
    assert set(generate(20, 100, LENGTHS, max_prompt_tokens=10).prompts.lengths) == {10}
    assert generate(13368, 100, LENGTHS, max_prompt_tokens=99999).lengths.max == LENGTHS.longest


def test_it_is_labelled() -> None:
    data = generate(3, 100, LENGTHS, seed=5)
    assert (data.synthetic, data.source, data.path) == (True, "synthetic", None)
    assert data.name == "synthetic-3-seed5"
    assert data.references is None
    assert data.articles is None


def joined(batch: list[list[int]]) -> list[str]:
    return [" ".join(map(str, ids)) for ids in batch]


def test_references_are_texts_of_drawn_ids() -> None:
    data = generate(200, 1000, LENGTHS, avoid_ids=(2, 3), decode=joined)
    assert data.references is not None
    words = [text.split() for text in data.references]
    lengths = [len(each) for each in words]
    assert (min(lengths), max(lengths)) == (
        LENGTHS.reference_shortest,
        LENGTHS.reference_longest,
    )
    assert {"2", "3"}.isdisjoint(word for each in words for word in each)
    assert len(set(data.references)) == 200


def test_references_follow_the_seed_and_leave_the_prompts_alone() -> None:
    plain = generate(50, 1000, LENGTHS, seed=3)
    first, again, other = (
        generate(50, 1000, LENGTHS, seed=seed, decode=joined) for seed in (3, 3, 4)
    )
    assert first.sha256 == plain.sha256
    assert first.references == again.references
    assert first.references != other.references


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0, "vocab_size": 9}, "synthetic_count is 0"),
        ({"count": 1, "vocab_size": 9, "max_prompt_tokens": 0}, "room for a prompt is 0"),
        ({"count": 1, "vocab_size": 2, "avoid_ids": (0, 1)}, "no token id is left"),
    ],
)
def test_what_cannot_be_drawn_is_refused(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        generate(expected=LENGTHS, **arguments)  # type: ignore[arg-type]
