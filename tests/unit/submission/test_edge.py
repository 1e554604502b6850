"""The edge benchmark: SingleStream and Offline, a data set and targets of its own, no TEST06."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sut.config.schema import ModelConfig
from sut.submission.check_tree import check_tree
from sut.submission.make_tree import make_tree
from sut.submission.request import Refused
from tests.unit.submission import support
from tests.unit.submission.official_runs import make_official
from tests.unit.submission.support import ROUNDS, SUBMITTER, plan

COUNT = 5000
EDGE = ModelConfig(
    name="small",
    path="models/small",
    benchmark="llama3.1-8b-edge",
    loadgen_model="llama3_1-8b-edge",
    prompt_format="llama3.1-8b-cnn",
    context_tokens=2048,
    vocab_size=100,
    eos_token_ids=(0,),
)
SCORES = {
    "ROUGE1": 39.06, "ROUGE2": 16.1147, "ROUGEL": 24.6375, "ROUGELSUM": 36.124,
    "GEN_LEN": 3051113,
}  # fmt: skip
ALL = ("offline", "offline+accuracy", "singlestream", "singlestream+accuracy")


def edge_session(parent: Path, round_: str, *kinds: str) -> Path:
    root = support.session(parent, *kinds, round_=round_, model=EDGE)
    for folder in root.glob("*/accuracy"):
        support.write_evaluation(folder, SCORES)
    return root


def edge_tree(tmp_path: Path, round_: str, *kinds: str) -> Path:
    session = edge_session(tmp_path / "sessions", round_, *kinds)
    asked = plan(tmp_path / "tree", session, round=round_)
    described = asked.system.description | {"system_type": "edge"}
    system = asked.system.model_copy(update={"description": described})
    made = make_tree(plan(tmp_path / "tree", session, round=round_, system=system))
    return make_official(made, COUNT)


@pytest.mark.parametrize("round_", ROUNDS)
def test_an_edge_tree_has_its_own_benchmark_and_passes_every_check(
    tmp_path: Path, round_: str
) -> None:
    tree = edge_tree(tmp_path, round_, *ALL)
    results = tree / "closed" / SUBMITTER / "results"
    assert sorted(path.relative_to(results).parts[1:] for path in results.glob("*/*/*")) == [
        ("llama3.1-8b-edge", "Offline"),
        ("llama3.1-8b-edge", "SingleStream"),
    ]
    assert not list(tree.rglob("TEST06"))
    checkout = os.environ.get("MLCOMMONS_INFERENCE")
    assert check_tree(tree, round_, Path(checkout) if checkout else None) == []
    script = os.environ.get("MLCOMMONS_INFERENCE_V5_1")
    if script and round_ == "v5.1":
        assert check_tree(tree, round_, Path(script)) == []


def test_closed_edge_needs_single_stream(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="lacks the scenario SingleStream, which closed requires"):
        edge_tree(tmp_path, "v6.1", "offline", "offline+accuracy")


def test_the_datacenter_targets_are_not_those_of_edge(tmp_path: Path) -> None:
    tree = edge_tree(tmp_path, "v6.1", *ALL)
    for text in tree.rglob("accuracy.txt"):
        text.write_text(text.read_text().replace("39.06", "38.6"), encoding="utf-8")
    found = {each.sentence for each in check_tree(tree, "v6.1")}
    assert found == {"ROUGE1 is 38.6, must be 38.6694 at least."}
