"""Our figures against those that MLCommons' own evaluation.py printed for the same answers.

It ran once, unchanged (mlcommons/inference b66003e1, language/llama3.1-8b/evaluation.py; evaluate
0.4.6, rouge-score 0.1.2, nltk 3.10.4), on the accuracy log of the small model in float32 over the
shipped sample, whose 64 answers are those of user_confs/references/smollm2-135m.json.
"""

from __future__ import annotations

import json
from pathlib import Path

from qsl.tokenizer import open_tokenizer
from sut.accuracy.reference import load_reference
from sut.accuracy.registry import find_scorer
from sut.accuracy.scores import measure
from tests.conftest import ROOT

PRINTED = {"ROUGE1": 39.7218, "ROUGE2": 15.633, "ROUGEL": 28.6887}
PRINTED_LSUM = 32.3736
GEN_LEN, GEN_NUM = 9148, 64


def test_every_figure_is_the_one_that_the_official_script_printed(small_model: Path) -> None:
    reference = load_reference("smollm2-135m")
    assert reference is not None
    sample = json.loads((ROOT / "qsl" / "data" / "cnn_style_sample.json").read_text())
    summaries = [each["output"] for each in sample]
    scorer = find_scorer("rouge")
    ours = measure(
        reference.answers(range(len(summaries))), summaries, open_tokenizer(small_model), scorer
    )
    assert {name: ours.values[name] for name in PRINTED} == PRINTED
    # Where NLTK's data lies, the sentence figure too.
    assert ours.values["ROUGELSUM"] == (PRINTED_LSUM if scorer.tool else None)
    assert (ours.values["GEN_LEN"], ours.gen_num) == (GEN_LEN, GEN_NUM)
