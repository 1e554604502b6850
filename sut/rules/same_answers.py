"""Whether two runs were answered by one model: by the answers that their ledgers have in common.

Greedy answers change a little with what shares a batch, so two honest runs need not give every
sample the same tokens. Another model gives hardly one of them the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEAST_SHARE = 0.05
"""Of the samples that both runs answered, how many must have an answer in common.

The small model on a CPU gave 56 of 64 the same in Offline, and 21 of 42 in Server. Longer answers
are less often the same.
"""
LEAST_SAMPLES = 20
"""Fewer in common say nothing."""

Answers = Mapping[int, frozenset[int]]
"""Sample index → the CRC-32 of each answer that it got."""
SOURCE = "inference_rules.adoc §5.1: performance and accuracy run return the same outputs"
ANSWERED = ("succeeded", "empty")


@dataclass(frozen=True)
class InCommon:
    """What two runs have in common.

    Attributes:
        samples: that both answered.
        same: of them, those with an answer in both.
    """

    samples: int
    same: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.same / self.samples

    @property
    def says_enough(self) -> bool:
        """Whether there are samples enough to tell two models apart."""
        return self.samples >= LEAST_SAMPLES

    @property
    def of_one_model(self) -> bool:
        """Whether one model can have given both."""
        return self.share >= LEAST_SHARE


def answers_of(ledger: Any | None) -> Answers:
    """By sample; empty where there is no ledger, or one that is older than these columns."""
    if ledger is None or "answer_crc" not in ledger.column_names:
        return {}
    found: dict[int, set[int]] = {}
    columns = (ledger[name].to_pylist() for name in ("sample_index", "answer_crc", "state"))
    for index, crc, state in zip(*columns, strict=True):
        if state in ANSWERED and crc is not None:
            found.setdefault(index, set()).add(crc)
    return {index: frozenset(each) for index, each in found.items()}


def in_common(ours: Answers, theirs: Answers) -> InCommon:
    """The samples that both answered, and those with an answer in both."""
    both = ours.keys() & theirs.keys()
    return InCommon(len(both), sum(bool(ours[index] & theirs[index]) for index in both))
