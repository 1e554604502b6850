"""Prompts that were filled up to one length."""

from __future__ import annotations

import pytest

from qsl.dataset import Prompts
from qsl.padding import Padding, find_padding

EOS = (2, 128009)


def padded(count: int, token: int, side: str, width: int = 20) -> list[list[int]]:
    rows = []
    for i in range(count):
        ids = [50 + i + k for k in range(6 + i)]
        fill = [token] * (width - len(ids))
        rows.append(ids + fill if side == "ends" else fill + ids)
    return rows


@pytest.mark.parametrize("side", ["ends", "begins"])
@pytest.mark.parametrize("token", [2, 0, 128004])
def test_padding_is_found_at_either_end(side: str, token: int) -> None:
    found = find_padding(Prompts.from_sequences(padded(8, token, side)), EOS)
    assert found == Padding(0, side, token, 14)


def test_one_prompt_with_two_ends_is_enough() -> None:
    rows = [[5, 6, 7, 8 + i] for i in range(20)]
    rows[13] += [128009, 128009]
    assert find_padding(Prompts.from_sequences(rows), EOS) == Padding(13, "ends", 128009, 2)


HONEST = [
    [[1, 1, 5 + i, 6, 7] for i in range(8)],  # a form that begins with one id twice
    [[1, 5 + i, 2] for i in range(8)],  # one end-of-sequence id, as a model whose BOS it is
    [[5, 6, 7 + i, 9, 9, *([9] * (i == 3))] for i in range(2)],
    [[9, 9], [3, 4], [5, 6], [7, 8], [9, 9, 9]],  # two of five
    [[], [7], [7, 7]],
    [],
]


@pytest.mark.parametrize("rows", HONEST)
def test_honest_prompts_are_let_pass(rows: list[list[int]]) -> None:
    assert find_padding(Prompts.from_sequences(rows), EOS) is None
