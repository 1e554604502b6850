"""Answers and references → the figures of an evaluation, without an opinion on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from qsl.dataset import TokenIds
from qsl.tokenizer import Tokenizer
from sut.accuracy.scorer import TOKENS_PER_SAMPLE, Scorer


@dataclass(frozen=True)
class Scores:
    """The figures of a set of answers; None is not measured.

    Args:
        values: every metric of the scorer by the checker's name.
        characters: of all answers; None without a tokenizer.
        gen_num: answers.
        tokens_per_sample: mean tokens of an answer, an end-of-sequence token counted.
    """

    values: Mapping[str, float | None]
    characters: int | None
    gen_num: int
    tokens_per_sample: float | None

    def value(self, metric: str) -> float | None:
        """The figure the checker knows as `metric`; None if there is none."""
        if metric == TOKENS_PER_SAMPLE.name:
            # One decimal is what the benchmarks that print it print.
            tokens = self.tokens_per_sample
            return None if tokens is None else round(tokens, 1)
        return self.values.get(metric)


def measure(
    answers: Sequence[TokenIds],
    references: Sequence[str] | None,
    tokenizer: Tokenizer | None,
    scorer: Scorer,
) -> Scores:
    """Score answers.

    Args:
        answers: token ids, one array per sample.
        references: texts in the order of `answers`; None: the data set has none.
        tokenizer: the model's own; None: answers cannot be read as text.
        scorer: the benchmark's.
    """
    total = sum(len(tokens) for tokens in answers)
    values: dict[str, float | None] = {metric.name: None for metric in scorer.metrics}
    characters = None
    if tokenizer is not None:
        texts = tokenizer.decode_batch(
            [tokens.tolist() for tokens in answers], skip_special_tokens=True
        )
        scored = scorer.score(texts, references)
        characters = scored.characters
        values |= scored.values
    return Scores(
        values=values,
        characters=characters,
        gen_num=len(answers),
        tokens_per_sample=round(total / len(answers), 4) if answers else None,
    )
