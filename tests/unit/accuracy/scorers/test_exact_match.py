from __future__ import annotations

import pytest

from sut.accuracy.scorers.exact_match import ExactMatch


@pytest.mark.parametrize(
    ("answers", "references", "percent"),
    [
        (["72", "10", "5", "9"], ["72", "10", "5", "8"], 75.0),
        ([" The  Answer is\n72 "], ["the answer is 72"], 100.0),
        (["7 2"], ["72"], 0.0),
        (["", "b"], ["a", "b"], 50.0),
        (["a", "b", "c"], ["a", "x", "x"], 33.3333),
    ],
)
def test_words_are_compared_and_nothing_else(
    answers: list[str], references: list[str], percent: float
) -> None:
    assert ExactMatch().score(answers, references).values == {"exact_match": percent}


def test_without_references_or_answers_only_the_length_is_known() -> None:
    scored = ExactMatch().score([" 72 ", "1"], None)
    assert (scored.values, scored.characters) == ({}, 3)
    assert ExactMatch().score([], []).values == {}
