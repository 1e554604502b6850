"""The share of answers that are their references, word for word.

For benchmarks whose references are results, not texts: a number, a choice. Upper and lower case
and the blanks around and between words mean nothing. The key is that of MLCommons' own scripts
(`exact_match` in ACC_PATTERN, tools/submission/submission_checker/constants.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sut.accuracy.scorer import Metric, Scored

EXACT_MATCH = Metric("exact_match", "exact_match")


class ExactMatch:
    """`exact_match`: percent of the answers, with 4 decimals."""

    metrics = (EXACT_MATCH,)
    tool: str | None = None
    lacking: Mapping[str, str] = {}

    def score(self, answers: Sequence[str], references: Sequence[str] | None) -> Scored:
        """Compare each answer with its reference."""
        characters = sum(len(text.strip()) for text in answers)
        if not answers or references is None:
            return Scored({}, characters)
        same = [_words(a) == _words(b) for a, b in zip(answers, references, strict=True)]
        return Scored({EXACT_MATCH.name: round(100 * sum(same) / len(same), 4)}, characters)


def make() -> ExactMatch:
    """The scorer; it needs nothing of the machine."""
    return ExactMatch()


def _words(text: str) -> list[str]:
    return text.casefold().split()
