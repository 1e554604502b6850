"""Weights that `quantize` made: their document is written, and closed takes the official list."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.submission.make_tree import make_tree
from tests.unit.quantize.records import OFFICIAL, OTHER, record
from tests.unit.result.sessions import dump, seal
from tests.unit.submission import support
from tests.unit.submission.refusing import refused
from tests.unit.submission.support import SUBMITTER, closed_session, plan


def quantised(parent: Path, list_sha256: str | None, scheme: str = "w8a8") -> Path:
    """A closed session whose engine says that its weights are quantised, with their record."""
    root = closed_session(parent)
    path = root / "session.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["engine"]["details"] |= {"quantization": "compressed-tensors"}
    document["engine"]["quantised_to"] = scheme
    document["quantised"] = record(list_sha256, scheme).model_dump(mode="json")
    dump(path, document)
    seal(root)
    return root


def measured(tree: Path) -> dict[str, Any]:
    (path,) = tree.rglob("Offline/measurements.json")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(("scheme", "number"), [("w8a8", "int8"), ("w4a16", "int4")])
def test_the_tree_says_what_the_weights_are_and_how_they_were_made(tmp_path, scheme, number):
    tree = make_tree(plan(tmp_path / "tree", quantised(tmp_path / "s", OFFICIAL, scheme)))
    said = measured(tree)
    assert said["weight_data_types"] == number
    assert said["starting_weights_filename"] == "Llama-3.1-8B-Instruct at abc"
    assert said["weight_transformations"].startswith("quantised after training to INT")
    assert "GPTQ (llm-compressor 0.14.0.1)" in said["weight_transformations"]
    path = tree / "closed" / SUBMITTER / "documentation" / "calibration.md"
    text = path.read_text(encoding="utf-8")
    assert "The first 512 of the 1000 samples of MLCommons' calibration list" in text
    assert ("SmoothQuant" in text) == (scheme == "w8a8")
    for digest in ("1", "2", "3", "4", "5"):
        assert digest * 64 in text


@pytest.mark.parametrize(
    ("list_sha256", "used"), [(OTHER, "another list"), (None, "the shipped articles")]
)
def test_closed_refuses_what_was_calibrated_with_anything_else(tmp_path, list_sha256, used):
    root = quantised(tmp_path / "s", list_sha256)
    (reason,) = refused(tmp_path, root)
    assert reason == (
        f"{root.name}: the weights were calibrated with {used}, not with samples of "
        "calibration/CNNDailyMail/calibration-list.txt; "
        "only a tree made with --rehearsal may hold it."
    )


def test_a_document_of_the_submitters_does_not_make_other_samples_official(tmp_path):
    root = quantised(tmp_path / "s", OTHER)
    system = support.statement(root.parent)
    mine = tmp_path / "mine.md"
    mine.write_text("Calibrated by the rules.\n", encoding="utf-8")
    documents = system.documents.model_copy(update={"calibration": mine})
    system = system.model_copy(update={"documents": documents})
    (reason,) = refused(tmp_path, root, system=system)
    assert "calibrated with another list" in reason


def test_open_takes_it_and_says_so(tmp_path):
    root = quantised(tmp_path / "s", OTHER)
    tree = make_tree(plan(tmp_path / "tree", root, division="open"))
    path = tree / "open" / SUBMITTER / "documentation" / "calibration.md"
    assert "NOT THE OFFICIAL LIST" in path.read_text(encoding="utf-8")
