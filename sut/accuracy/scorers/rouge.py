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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sut.accuracy.scorer import Metric, Scored

# The checker's names, and rouge_score's, which the official script prints: scores as strings,
# the length as a plain number.
WORD_METRICS = tuple(
    Metric(name, key, "'{}'")
    for name, key in (("ROUGE1", "rouge1"), ("ROUGE2", "rouge2"), ("ROUGEL", "rougeL"))
)
SENTENCE_METRIC = Metric("ROUGELSUM", "rougeLsum", "'{}'")
LENGTH = Metric("GEN_LEN", "gen_len", "{:.0f}")
PUNKT_DATA = "tokenizers/punkt_tab/english/"
FETCH_PUNKT = "python -m nltk.downloader punkt_tab"


@dataclass(frozen=True)
class Splitter:
    """What cuts a text into sentences, and its name for the result."""

    name: str
    split: Callable[[str], list[str]]


class Rouge:
    """ROUGE-1, -2, -L and -Lsum from 0 to 100 with 4 decimals; GEN_LEN in characters.

    Args:
        splitter: what cuts texts into sentences; None: none at hand.
    """

    metrics = (*WORD_METRICS, SENTENCE_METRIC, LENGTH)

    def __init__(self, splitter: Splitter | None):
        self.splitter = splitter

    @property
    def tool(self) -> str | None:
        """The splitter's name."""
        return self.splitter.name if self.splitter else None

    @property
    def lacking(self) -> Mapping[str, str]:
        """ROUGELSUM where there is no splitter."""
        if self.splitter is not None:
            return {}
        return {
            SENTENCE_METRIC.name: "NLTK's punkt data is not on this machine; where there is a "
            f"network, `{FETCH_PUNKT}` fetches it"
        }

    def score(self, answers: Sequence[str], references: Sequence[str] | None) -> Scored:
        """The mean over all pairs; without references only the length."""
        predictions = prepare(answers, self.splitter)
        characters = sum(len(text) for text in predictions)
        values: dict[str, float] = {LENGTH.name: characters}
        if answers and references is not None:
            scored = score(predictions, prepare(references, self.splitter), self.splitter)
            values |= {name: mean_percent(each) for name, each in scored.items()}
        return Scored(values, characters)


def make() -> Rouge:
    """The scorer with the splitter that is here."""
    return Rouge(find_splitter())


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

    wanted = (*WORD_METRICS, SENTENCE_METRIC) if splitter else WORD_METRICS
    scorer = RougeScorer([each.key for each in wanted], tokenizer=_Words(PorterStemmer().stem))
    values: dict[str, list[float]] = {each.name: [] for each in wanted}
    for prediction, reference in zip(predictions, references, strict=True):
        scored = scorer.score(reference, prediction)
        for each in wanted:
            values[each.name].append(float(scored[each.key].fmeasure))
    return values


def mean_percent(values: Sequence[float]) -> float:
    """The printed figure of at least one value: mean × 100, rounded to 4 decimals.

    NumPy's mean and rounding, as in the official script: Python's own may differ in the last
    decimal of a tie.
    """
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
