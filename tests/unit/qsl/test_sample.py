"""The shipped articles: an engineer reads a model's summaries of them."""

from __future__ import annotations

import json
import re

from qsl.load import SAMPLE_FILE

SAMPLES = json.loads(SAMPLE_FILE.read_text(encoding="utf-8"))
STOP_WORDS = {
    *("a", "after", "all", "an", "and", "are", "as", "at", "be", "been", "before", "but", "by"),
    *("for", "from", "had", "has", "have", "in", "into", "is", "it", "its", "of", "on", "or"),
    *("than", "that", "the", "their", "them", "they", "this", "to", "was", "were", "when"),
    *("where", "which", "who", "will", "with"),
}


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+(?:[.,'][a-z0-9]+)*", text.lower())


def test_there_are_enough_and_all_differ() -> None:
    assert len(SAMPLES) >= 48
    for key in ("id", "input", "output"):
        assert len({sample[key] for sample in SAMPLES}) == len(SAMPLES)
    assert all(set(sample) == {"id", "input", "output"} for sample in SAMPLES)


def test_no_two_articles_begin_alike() -> None:
    assert len({" ".join(words(sample["input"])[:5]) for sample in SAMPLES}) == len(SAMPLES)


def test_lengths() -> None:
    counts = [len(sample["input"].split()) for sample in SAMPLES]
    assert all(60 <= count <= 150 for count in counts)
    assert min(counts) < 70
    assert max(counts) > 140


def test_references_are_short_highlights() -> None:
    for sample in SAMPLES:
        assert 25 <= len(sample["output"].split()) <= 50, sample["id"]
        assert len(sample["output"]) < len(sample["input"]), sample["id"]
        assert 2 <= len(re.findall(r"[.!?](?:\s|$)", sample["output"])) <= 3, sample["id"]


def test_references_are_about_their_articles() -> None:
    """Most content words of a reference stand in its article, and more than in any other."""
    articles = [set(words(sample["input"])) for sample in SAMPLES]
    for index, sample in enumerate(SAMPLES):
        content = set(words(sample["output"])) - STOP_WORDS
        shared = [len(content & article) / len(content) for article in articles]
        assert shared[index] > 0.5, (sample["id"], shared[index])
        assert max(range(len(shared)), key=shared.__getitem__) == index, sample["id"]


def test_numbers_in_references_stand_in_their_articles() -> None:
    for sample in SAMPLES:
        figures = set(re.findall(r"\d[\d,.]*\d|\d", sample["output"]))
        assert figures <= set(re.findall(r"\d[\d,.]*\d|\d", sample["input"])), sample["id"]
