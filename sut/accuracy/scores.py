"""Answers and references → the figures of an evaluation, without an opinion on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qsl.dataset import TokenIds
from qsl.tokenizer import Tokenizer
from sut.accuracy.rouge import METRICS, SENTENCE_METRICS, Splitter, mean_percent, prepare, score

ROUGE_NAMES = (*METRICS.values(), *SENTENCE_METRICS.values())


@dataclass(frozen=True)
class Scores:
    """The figures of a set of answers; None is not measured.

    Args:
        rouge: 0 to 100 with 4 decimals by the checker's name; all None without references.
        gen_len: characters of all answers; None without a tokenizer.
        gen_num: answers.
        tokens_per_sample: mean tokens of an answer, an end-of-sequence token counted.
    """

    rouge: dict[str, float | None]
    gen_len: int | None
    gen_num: int
    tokens_per_sample: float | None

    def value(self, metric: str) -> float | None:
        """The figure the checker knows as `metric`; None if there is none."""
        if metric == "GEN_LEN":
            return self.gen_len
        if metric == "TOKENS_PER_SAMPLE":
            # One decimal is what the benchmarks that print it print.
            tokens = self.tokens_per_sample
            return None if tokens is None else round(tokens, 1)
        return self.rouge.get(metric)


def measure(
    answers: Sequence[TokenIds],
    references: Sequence[str] | None,
    tokenizer: Tokenizer | None,
    splitter: Splitter | None,
) -> Scores:
    """Score answers.

    Args:
        answers: token ids, one array per sample.
        references: summaries in the order of `answers`; None: the data set has none.
        tokenizer: the model's own; None: answers cannot be read as text.
        splitter: see `sut.accuracy.rouge`.
    """
    total = sum(len(tokens) for tokens in answers)
    rouge: dict[str, float | None] = dict.fromkeys(ROUGE_NAMES)
    gen_len = None
    if tokenizer is not None:
        texts = tokenizer.decode_batch(
            [tokens.tolist() for tokens in answers], skip_special_tokens=True
        )
        predictions = prepare(texts, splitter)
        gen_len = sum(len(text) for text in predictions)
        if references is not None:
            values = score(predictions, prepare(references, splitter), splitter)
            rouge |= {name: mean_percent(each) for name, each in values.items()}
    return Scores(
        rouge=rouge,
        gen_len=gen_len,
        gen_num=len(answers),
        tokens_per_sample=round(total / len(answers), 4) if answers else None,
    )
