"""Prompts that were filled up to one length: an engine would answer the filling.

`tokenizer(texts, padding=True)` fills shorter prompts with one id, at the end or at the beginning.
An engine of ours takes ids as they are and has no attention mask that hides them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from qsl.dataset import Prompts

# Fewer prompts than this say nothing about how all were made.
MIN_PROMPTS = 3


@dataclass(frozen=True)
class Padding:
    """The first prompt that shows it.

    Args:
        index: of the prompt.
        side: "begins" or "ends".
        token: the id it is filled with.
        count: how often it stands there.
    """

    index: int
    side: str
    token: int
    count: int


def find_padding(prompts: Prompts, eos_token_ids: Collection[int]) -> Padding | None:
    """Whether the prompts were filled up, and where it shows.

    Two end-of-sequence ids at either end of a prompt are enough: no text becomes them. Of any
    other id half of the prompts must have two or more there, in numbers that differ: a prompt's
    form may begin or end with the same id twice, but then in every prompt as often.
    """
    ends = frozenset(eos_token_ids)
    for side in ("ends", "begins"):
        runs = _runs(prompts, side)
        for run in runs:
            if run.token in ends:
                return run
        if len(prompts) >= MIN_PROMPTS and (found := _of_any_id(runs, len(prompts))) is not None:
            return found
    return None


def _of_any_id(runs: list[Padding], prompts: int) -> Padding | None:
    by_token: dict[int, list[Padding]] = {}
    for run in runs:
        by_token.setdefault(run.token, []).append(run)
    for same in by_token.values():
        if 2 * len(same) >= prompts and len({run.count for run in same}) > 1:
            return same[0]
    return None


def _runs(prompts: Prompts, side: str) -> list[Padding]:
    """Each prompt that has its outermost id more than once there, and how often."""
    long = np.flatnonzero(prompts.lengths >= 2)
    tokens, starts, stops = prompts.tokens, prompts.offsets[long], prompts.offsets[long + 1]
    outer, inner = (starts, starts + 1) if side == "begins" else (stops - 1, stops - 2)
    found = []
    for index in long[tokens[outer] == tokens[inner]].tolist():
        ids = prompts[index] if side == "begins" else prompts[index][::-1]
        others = np.flatnonzero(ids != ids[0])
        count = int(others[0]) if len(others) else len(ids)
        found.append(Padding(index, side, int(ids[0]), count))
    return found
