"""Why a metric has no figure: one sentence for each cause."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sut.accuracy.evaluate import _unmeasured

NO_TOKENIZER = "A, B not measured: the model's tokenizer is not at hand"
STRANGE = "X not measured: the benchmark's scorer has none such"
NO_REFERENCES = "A, B not measured: the data set has no references"
LACKING = "B not measured: no splitter"


@pytest.mark.parametrize(
    ("names", "without", "answers", "said"),
    [
        (["A", "B"], "", 3, [LACKING]),
        (["A"], "", 3, []),
        (["X", "B"], "", 3, [STRANGE, LACKING]),
        (["X", "A", "B"], "references", 3, [STRANGE, NO_REFERENCES]),
        (["X"], "references", 3, [STRANGE]),
        (["A", "B"], "tokenizer", 3, [NO_TOKENIZER]),
        (["A", "B"], "tokenizer", 0, []),
        (["MEASURED"], "tokenizer", 3, []),
    ],
)
def test_each_cause_is_told(names: list[str], without: str, answers: int, said: list[str]) -> None:
    scorer = SimpleNamespace(
        metrics=[SimpleNamespace(name="A"), SimpleNamespace(name="B")],
        lacking={"B": "no splitter"},
    )
    held = {"tokenizer": object(), "references": ["a"], without: None}
    asked: Any = SimpleNamespace(
        scorer=scorer, tokenizer=held["tokenizer"], references=held["references"]
    )
    scores: Any = SimpleNamespace(
        gen_num=answers, value=lambda name: 1.0 if name == "MEASURED" else None
    )
    assert _unmeasured(asked, scores, names) == said
