"""What a submitter states: quantised weights need their types, the system's file its keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.submission import support
from tests.unit.submission.refusing import edit_facts, refused
from tests.unit.submission.support import edit_config, session


def by_configuration(root: Path) -> None:
    edit_config(root, engine={"vllm": {"quantization": "compressed-tensors"}})


def by_the_checkpoint(root: Path) -> None:
    edit_facts(root, "engine", details={"quantization": "compressed-tensors"})


@pytest.mark.parametrize("quantise", [by_configuration, by_the_checkpoint])
def test_quantised_weights_need_their_types_and_a_description(tmp_path, quantise):
    root = session(tmp_path / "s", "server", "server+accuracy")
    quantise(root)
    reasons = refused(tmp_path, root, division="open")
    assert [reason.partition(" ")[0] for reason in reasons] == [
        "the",
        "measurements.weight_data_types",
        "measurements.weight_transformations",
    ]
    assert "(compressed-tensors)" in reasons[0]
    assert "documents.calibration" in reasons[0]


STATED = {
    "colling": (
        "x",
        "description.colling is not a key of a system's JSON: the nearest is cooling.",
    ),
    "division": ("open", "description.division comes from --division: leave it out"),
    "status": ("soon", "description.status is soon: choose one of available, preview, rdi."),
    "number_of_nodes": ("two", "description.number_of_nodes is two: give a whole number."),
    "system_type": ("edge", "description.system_type is edge, and llama3.1-8b is a benchmark of"),
    "cooling": ("", "description.cooling is missing and was not detected: state it."),
}


@pytest.mark.parametrize("key", STATED)
def test_a_bad_key_of_the_systems_file_is_named(tmp_path, key):
    value, line = STATED[key]
    root = session(tmp_path / "s", "server", "server+accuracy")
    found = support.statement()
    system = found.model_copy(update={"description": found.description | {key: value}})
    (reason,) = refused(tmp_path, root, division="open", system=system)
    assert reason.startswith(line)
