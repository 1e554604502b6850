"""The submitter's YAML file: what it may say, and what it is told when it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.submission.gather import load_session
from sut.submission.layout import submission_rules
from sut.submission.statement import example_statement, read_statement
from sut.submission.system_json import detected
from sut.submission.template import template
from tests.unit.submission.support import closed_session, small_round

SMALL = "system: a30\ndescription: {status: rdi, number_of_nodes: 1, cooling: }\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "system.yaml"
    path.write_text(text, encoding="utf-8")
    return path


# What is written without quotes, as YAML 1.1 would not have it.
AS_WRITTEN = {
    "framework": "0.10",
    "operating_system": "24.10",
    "host_networking": "no",
    "host_processor_frequency": "5800.0000",
    "hw_notes": "12:30",
    "host_network_card_count": "010",
    "cooling": "off",
    "sw_notes": "2026-02-30",
}


def test_a_value_is_taken_as_it_is_written(tmp_path):
    lines = "".join(f"  {key}: {value}\n" for key, value in AS_WRITTEN.items())
    text = f"system: 007\ndescription:\n{lines}measurements:\n  retraining: no\n"
    found = read_statement(written(tmp_path, text))
    assert found.system == "007"
    assert found.description == AS_WRITTEN
    assert found.measurements == {"retraining": "no"}


def test_numbers_become_text_and_nothing_becomes_empty_text(tmp_path):
    found = read_statement(written(tmp_path, SMALL))
    assert found.description == {"status": "rdi", "number_of_nodes": "1", "cooling": ""}
    assert found.implementation == "vllm"


BAD = {
    "system: a b\ndescription: {status: rdi}\n": "system: ",
    "system: a\n": "description: Field required",
    "system: a\ndescription: {status: rdi}\ncolour: red\n": "colour: Extra inputs",
    "system: a\ndescription: {status: [rdi]}\n": "the value is a list, must be text",
    "system: a\ndescription: {status: {rdi: 1}}\n": "description.status.rdi leads too deep",
    "system: a\ndescription: {status: rdi, status: available}\n": "status is given twice",
    "- a\n": "must hold keys and values",
    "a: [\n": "not valid YAML",
    f"{SMALL}documents: {{bandwidth: gone.md}}\n": "documents.bandwidth is gone.md",
}


@pytest.mark.parametrize("text", BAD)
def test_a_malformed_file_is_one_line(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        read_statement(written(tmp_path, text))
    assert BAD[text] in caught.value.render()
    assert "\n" not in caught.value.render()


def test_a_missing_file_is_one_line_with_a_remedy(tmp_path):
    with pytest.raises(ConfigError, match="--system-template"):
        read_statement(tmp_path / "gone.yaml")


def test_documents_are_found_beside_the_file(tmp_path):
    (tmp_path / "net.md").write_text("100 Gbit/s\n", encoding="utf-8")
    found = read_statement(written(tmp_path, f"{SMALL}documents: {{bandwidth: net.md}}\n"))
    assert found.documents.bandwidth == tmp_path / "net.md"


def test_the_shipped_example_states_what_a_machine_without_accelerator_cannot_tell(tmp_path):
    system = submission_rules(load_round("v6.1")).system
    session, _ = load_session(closed_session(tmp_path), small_round("v6.1"))
    known = set(detected(session.facts)) | set(example_statement().description)
    assert set(system.must_be_filled) - known == {"division", "submitter"}


def test_the_template_is_yaml_with_what_was_detected_in_it(tmp_path):
    session, _ = load_session(closed_session(tmp_path), small_round("v6.1"))
    text = template(session, load_round("v6.1"))
    document = yaml.safe_load(text)
    assert document["description"]["host_processor_model_name"] == "x"
    assert document["description"]["cooling"] == ""
    assert document["measurements"]["weight_data_types"] == "bf16"
    assert 'status: ""    # available | preview | rdi' in text
    read_statement(written(tmp_path, text))
