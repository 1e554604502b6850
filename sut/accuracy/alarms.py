"""Signs of a broken engine that an average hides: empty, looping and identical answers.

Shares of the answers evaluated, 0 to 1. Each limit has its reason; a share above it is a
sentence under `problems`, it is not a metric of the benchmark.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qsl.dataset import TokenIds
from sut.record.ledger_file import read_ledger

# The least success rate of a run is 99 %, and an empty answer is none: our own condition.
EMPTY_SHARE_LIMIT = 0.01
# Greedy decoding loops now and then, most of all in small models cut at few tokens; more than
# one answer in ten speaks of weights or positions that are wrong.
LOOPING_SHARE_LIMIT = 0.10
# The rules have an answer end at its first end-of-sequence id (TEST06).
MISENDED_LIMIT = 0
# Below this many tokens a repeated tail says nothing: "no, no, no" is an answer.
LOOP_TAIL_TOKENS = 8
LOOP_ROUNDS = 3
FINISH_REASONS = ("stop", "length")


@dataclass(frozen=True)
class Shares:
    """Shares of the answers, 0 to 1."""

    empty: float
    looping: float
    identical: float
    misended: int = 0
    """Answers, not a share: with an end-of-sequence id anywhere before their last token."""


def shares(answers: Sequence[TokenIds], eos_token_ids: Collection[int]) -> Shares:
    """Count the signs over answers as token ids."""
    bodies = [_without_end(tokens, eos_token_ids) for tokens in answers]
    total = max(len(bodies), 1)
    filled = [body for body in bodies if len(body)]
    texts = Counter(body.tobytes() for body in filled)
    return Shares(
        empty=(len(bodies) - len(filled)) / total,
        looping=sum(loops(body) for body in filled) / total,
        identical=sum(count for count in texts.values() if count > 1) / total,
        misended=sum(bool(np.isin(t[:-1], list(eos_token_ids)).any()) for t in answers),
    )


def loops(tokens: TokenIds) -> bool:
    """Whether the last third of an answer is one n-gram over and over, at least three times."""
    tail = tokens[len(tokens) - len(tokens) // 3 :]
    if len(tail) < LOOP_TAIL_TOKENS:
        return False
    periods = range(1, len(tail) // LOOP_ROUNDS + 1)
    return any(np.array_equal(tail[period:], tail[:-period]) for period in periods)


def sentences(found: Shares, identical_share_max: float | None) -> list[str]:
    """One sentence per share above its limit.

    Args:
        found: the shares.
        identical_share_max: the benchmark's; None: its answers may be alike.
    """
    rows = (
        ("empty", found.empty, EMPTY_SHARE_LIMIT),
        ("looping (the last third repeats itself)", found.looping, LOOPING_SHARE_LIMIT),
        ("identical to that of another sample", found.identical, identical_share_max),
    )
    said = [
        f"{share:.1%} of the answers are {kind}, above {limit:.0%}"
        for kind, share, limit in rows
        if limit is not None and share > limit
    ]
    if found.misended > MISENDED_LIMIT:
        said.append(
            f"{found.misended} answers go on after an end-of-sequence id, or end in more than one"
        )
    return said


def success_rate(ledger: Path) -> float | None:
    """Share of queries that ended properly, are not empty and say why they ended.

    None for a run without a query.

    Raises:
        LogError: the ledger cannot be read.
    """
    table = read_ledger(ledger)
    rows = zip(table["state"].to_pylist(), table["finish_reason"].to_pylist(), strict=True)
    good = [state == "succeeded" and reason in FINISH_REASONS for state, reason in rows]
    return sum(good) / len(good) if good else None


def _without_end(tokens: TokenIds, eos_token_ids: Collection[int]) -> TokenIds:
    """The answer without one closing end-of-sequence id, which is not part of what it says."""
    if len(tokens) and int(tokens[-1]) in eos_token_ids:
        return tokens[:-1]
    return tokens
