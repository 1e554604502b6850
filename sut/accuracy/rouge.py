"""ROUGE of answers against reference summaries, as the benchmark's evaluation computes it.

Source: mlcommons/inference, language/llama3.1-8b/evaluation.py: strip both
texts, split them into sentences joined by newlines, score each pair with stemming, and print
the mean F-measure × 100 with 4 decimals.

The splitter is NLTK's punkt, whose data may be absent; it is never fetched here. Without it
ROUGE-1, ROUGE-2 and ROUGE-L are the same, for they read words and no line ends; ROUGE-Lsum
needs the sentences and is not measured. GEN_LEN may then differ by the blanks between
sentences, of which the split leaves one newline each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# rouge_score's names → the submission checker's.
METRICS = {"rouge1": "ROUGE1", "rouge2": "ROUGE2", "rougeL": "ROUGEL"}
SENTENCE_METRICS = {"rougeLsum": "ROUGELSUM"}
PUNKT_DATA = "tokenizers/punkt_tab/english/"
FETCH_PUNKT = "python -m nltk.downloader punkt_tab"


@dataclass(frozen=True)
class Splitter:
    """What cuts a text into sentences, and its name for the result."""

    name: str
    split: Callable[[str], list[str]]


def find_splitter() -> Splitter | None:
    """NLTK's punkt for English where its data lies on this machine; None where it does not."""
    import nltk
    from nltk.tokenize.punkt import PunktTokenizer

    try:
        nltk.data.find(PUNKT_DATA)
    except LookupError:
        return None
    tokenizer = PunktTokenizer("english")
    return Splitter(f"nltk {nltk.__version__} punkt_tab", lambda text: tokenizer.tokenize(text))


def prepare(texts: Sequence[str], splitter: Splitter | None) -> list[str]:
    """The texts as they are scored and counted: stripped, one sentence a line."""
    stripped = [text.strip() for text in texts]
    if splitter is None:
        return stripped
    return ["\n".join(splitter.split(text)) for text in stripped]


def score(
    predictions: Sequence[str], references: Sequence[str], splitter: Splitter | None
) -> dict[str, list[float]]:
    """F-measure of each pair, 0 to 1, by the checker's name of the metric.

    Args:
        predictions: prepared answers.
        references: prepared summaries, in the order of the answers.
        splitter: what prepared them; without one ROUGELSUM is left out.
    """
    from nltk.stem.porter import PorterStemmer
    from rouge_score.rouge_scorer import RougeScorer

    names = METRICS | (SENTENCE_METRICS if splitter else {})
    scorer = RougeScorer(list(names), tokenizer=_Words(PorterStemmer().stem))
    values: dict[str, list[float]] = {name: [] for name in names.values()}
    for prediction, reference in zip(predictions, references, strict=True):
        scored = scorer.score(reference, prediction)
        for key, name in names.items():
            values[name].append(float(scored[key].fmeasure))
    return values


def mean_percent(values: Sequence[float]) -> float | None:
    """The printed figure: mean × 100, rounded to 4 decimals; None of nothing.

    NumPy's mean and rounding, as in the official script: Python's own may differ in the last
    decimal of a tie.
    """
    if not values:
        return None
    return float(np.round(np.mean(values) * 100, 4))


class _Words:
    """rouge_score's words, with each word stemmed once: a news article repeats them."""

    def __init__(self, stem: Callable[[str], str]):
        self.stem = functools.cache(stem)

    def tokenize(self, text: str) -> list[str]:
        """Words of `text`, lower case, stemmed where longer than 3 letters."""
        from rouge_score.tokenize import tokenize

        words: list[str] = tokenize(text, self)
        return words
