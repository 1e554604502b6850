"""What an answer may be: its length, its end and the reason that the engine gives for it.

The harness asks it of what an engine sends, the rules of what a run has recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sut.config.schema import RunConfig

TOKEN_BYTES = 4
STOP, LENGTH = "stop", "length"
GOES_ON = "the answer goes on after an end-of-sequence id"

# Below so many answers a search in each is cheaper than arrays over all; above, their tokens
# stay in a core's cache (512 answers of 128 tokens are 256 KiB).
FEW, AT_ONCE = 16, 512


@dataclass(frozen=True)
class AnswerBounds:
    """What the configuration lets an answer be.

    Attributes:
        max_tokens: tokens at most.
        min_tokens: tokens at least.
        end_ids: every token id that ends an answer.
    """

    max_tokens: int
    min_tokens: int
    end_ids: frozenset[int]

    def contradiction(self, reason: str | None, count: int, last: int) -> str | None:
        """What is wrong with an answer; None: nothing.

        Args:
            reason: the engine's word for why it ended.
            count: its tokens.
            last: the id of the last one; any where there is none.
        """
        if not count:
            return "the engine returned no token"
        if count > self.max_tokens:
            return f"the answer has {count} tokens, {self.max_tokens} are allowed"
        if count < self.min_tokens:
            return f"the answer has {count} tokens, at least {self.min_tokens} are asked for"
        if reason == STOP:
            return None if last in self.end_ids else "it stopped without an end-of-sequence id"
        if reason == LENGTH:
            if count == self.max_tokens:
                return None
            return f"finish reason {LENGTH} at {count} of {self.max_tokens} tokens"
        return f"finish reason {reason}, which is neither {STOP} nor {LENGTH}"


def bounds_of(config: RunConfig) -> AnswerBounds:
    """The bounds that a configuration sets."""
    asked = config.generation
    return AnswerBounds(asked.max_tokens, asked.min_tokens, frozenset(config.model.eos_token_ids))


def going_on(answers: Sequence[bytes], end_ids: frozenset[int]) -> list[int]:
    """Positions of the answers with an end id before their last token.

    No token costs Python any time.

    Args:
        answers: each the bytes of its tokens, little-endian int32.
        end_ids: every token id that ends an answer.
    """
    if len(answers) < FEW:
        needles = _needles(end_ids)
        return [place for place, each in enumerate(answers) if _holds(each, needles)]
    return [
        start + each
        for start in range(0, len(answers), AT_ONCE)
        for each in _going_on(answers[start : start + AT_ONCE], end_ids)
    ]


@lru_cache(maxsize=8)
def _needles(end_ids: frozenset[int]) -> tuple[bytes, ...]:
    return tuple(each.to_bytes(TOKEN_BYTES, "little") for each in end_ids)


def _holds(answer: bytes, needles: tuple[bytes, ...]) -> bool:
    """Whether one of these tokens is in an answer, before its last one."""
    end = len(answer) - TOKEN_BYTES
    for needle in needles:
        place = answer.find(needle)
        # What is found may straddle two tokens.
        while place >= 0 and place % TOKEN_BYTES:
            place = answer.find(needle, place + 1)
        if 0 <= place < end:
            return True
    return False


def _going_on(answers: Sequence[bytes], end_ids: frozenset[int]) -> Iterator[int]:
    tokens = np.frombuffer(b"".join(answers), "<i4")
    found = np.zeros(len(tokens), np.bool_)
    for each in end_ids:
        found |= tokens == each
    places = np.flatnonzero(found)
    if not len(places):
        return
    last = np.cumsum([len(each) // TOKEN_BYTES for each in answers]) - 1
    whose = np.searchsorted(last, places)
    yield from np.unique(whose[last[whose] != places]).tolist()
