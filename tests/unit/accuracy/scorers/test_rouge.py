"""Expected figures are worked out by hand from the definitions, not by the code under test."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sut.accuracy.scorers.rouge import (
    Rouge,
    Splitter,
    find_splitter,
    mean_percent,
    prepare,
    score,
)

SPLITTER = Splitter("test", lambda text: re.split(r"(?<=[.!?])\s+", text))


def scored(prediction: str, reference: str, splitter: Splitter | None = None) -> dict[str, float]:
    values = score(prepare([prediction], splitter), prepare([reference], splitter), splitter)
    return {name: each[0] for name, each in values.items()}


def test_equal_texts_score_one_and_strangers_nothing() -> None:
    assert scored("the river rose", "the river rose") == {"ROUGE1": 1, "ROUGE2": 1, "ROUGEL": 1}
    assert scored("the river rose", "bees sleep") == {"ROUGE1": 0, "ROUGE2": 0, "ROUGEL": 0}


def test_an_empty_answer_scores_nothing() -> None:
    assert scored("  ", "bees sleep", SPLITTER) == dict.fromkeys(
        ("ROUGE1", "ROUGE2", "ROUGEL", "ROUGELSUM"), 0
    )


def test_figures_are_those_of_the_definitions() -> None:
    # 3 of 4 and 3 of 6 words; 1 of 3 and 1 of 5 pairs; "police killed" + "gunman" out of order.
    found = scored("gunman police killed today", "police killed the gunman last week")
    assert found["ROUGE1"] == pytest.approx(2 * 0.75 * 0.5 / 1.25)
    assert found["ROUGE2"] == pytest.approx(2 * (1 / 3) * (1 / 5) / (1 / 3 + 1 / 5))
    assert found["ROUGEL"] == pytest.approx(2 * (2 / 4) * (2 / 6) / (2 / 4 + 2 / 6))


def test_words_are_stemmed_and_only_long_ones() -> None:
    assert scored("running", "runs")["ROUGE1"] == 1
    assert scored("ads", "ad")["ROUGE1"] == 0  # 3 letters are left alone


def test_the_splitter_changes_the_sentence_figure_alone() -> None:
    prediction = "Nobody was hurt. The river rose on Monday."
    reference = "The river rose on Monday. Nobody was hurt."
    plain = scored(prediction, reference)
    split = scored(prediction, reference, SPLITTER)
    assert {name: split[name] for name in plain} == plain
    # Sentence by sentence the order of the sentences does not matter.
    assert split["ROUGELSUM"] == 1
    assert split["ROUGEL"] < 1


def test_texts_are_stripped_and_put_one_sentence_a_line() -> None:
    assert prepare(["  One.  Two! \n"], SPLITTER) == ["One.\nTwo!"]
    assert prepare(["  One.  Two! \n"], None) == ["One.  Two!"]


def test_the_mean_is_rounded_to_four_decimals() -> None:
    assert mean_percent([0.1, 0.2, 0.123456789]) == 14.1152
    assert mean_percent([1.0]) == 100.0


def test_of_no_answers_nothing_is_measured_but_their_length() -> None:
    scored = Rouge(SPLITTER).score([], [])
    assert (scored.values, scored.characters) == ({"GEN_LEN": 0}, 0)


def test_every_pair_is_scored_in_order() -> None:
    values = score(["a b", "c d"], ["a b", "x y"], None)
    assert values["ROUGE1"] == [1.0, 0.0]
    with pytest.raises(ValueError, match="shorter"):
        score(["a"], [], None)


@pytest.fixture
def nltk_looks_only_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], None]:
    import nltk

    def look(folder: Path) -> None:
        monkeypatch.setattr(nltk.data, "path", [str(folder)])

    return look


def test_there_is_no_splitter_without_punkt(
    nltk_looks_only_in: Callable[[Path], None], tmp_path: Path
) -> None:
    nltk_looks_only_in(tmp_path)
    assert find_splitter() is None


def test_punkt_is_used_where_its_data_lies(
    nltk_looks_only_in: Callable[[Path], None], tmp_path: Path
) -> None:
    english = tmp_path / "tokenizers" / "punkt_tab" / "english"
    english.mkdir(parents=True)
    (english / "abbrev_types.txt").write_text("dr\n")
    for name in ("collocations.tab", "sent_starters.txt", "ortho_context.tab"):
        (english / name).write_text("")
    nltk_looks_only_in(tmp_path)
    splitter = find_splitter()
    assert splitter is not None
    assert "punkt" in splitter.name
    assert splitter.split("Dr. Maron left. She sang.") == ["Dr. Maron left.", "She sang."]


def test_a_cached_stem_gives_the_scores_of_the_package() -> None:
    """The package's own scorer, with its own stemmer, is the oracle."""
    from rouge_score.rouge_scorer import RougeScorer

    random = np.random.default_rng(3)
    words = ["river", "rivers", "rising", "risen", "quickly", "sings", "school's", "1911", "a"]
    texts = [" ".join(random.choice(words, size=30)) + ".\nAnd more." for _ in range(20)]
    names = ["rouge1", "rouge2", "rougeL", "rougeLsum"]
    oracle = RougeScorer(names, use_stemmer=True)
    ours = score(texts, texts[::-1], SPLITTER)
    for index, (prediction, reference) in enumerate(zip(texts, texts[::-1], strict=True)):
        theirs = oracle.score(reference, prediction)
        for name in names:
            assert math.isclose(
                ours[name.upper()][index], theirs[name].fmeasure, rel_tol=0, abs_tol=0
            )
