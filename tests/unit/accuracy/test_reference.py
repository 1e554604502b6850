from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.accuracy.reference import (
    REFERENCES,
    Reference,
    load_reference,
    outputs_sha256,
)
from sut.config.schema import EngineConfig, GenerationConfig, RunConfig
from sut.config.vllm_options import VllmConfig
from sut.errors import ConfigError
from tests.unit.result.sessions import dump, make_config

OUTPUTS = [[5, 6, 7, 2], [8, 2], [9]]


def document(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "model": "small",
        "model_sha256": None,
        "dataset": "news",
        "dataset_sha256": "a" * 64,
        "prompt_format": "llama3.1-8b-cnn",
        "max_tokens": 32,
        "min_tokens": 1,
        "dtype": "float32",
        "made_by": "a test",
        "made_with": {"transformers": "5"},
        "scores": {
            "metrics": {"ROUGE1": 30.0, "GEN_LEN": 100},
            "gen_num": 3,
            "tokens_per_sample": 2.3333,
            "tool": None,
        },
        "outputs_sha256": outputs_sha256(OUTPUTS),
        "outputs": OUTPUTS,
    }
    return values | changes


def run_config(dtype: str = "float32", max_tokens: int = 32, min_tokens: int = 1) -> RunConfig:
    return make_config(
        ("accuracy",),
        generation=GenerationConfig(max_tokens=max_tokens, min_tokens=min_tokens),
        engine=EngineConfig(vllm=VllmConfig(dtype=dtype)),
    )


def test_a_model_without_a_file_has_no_reference(tmp_path: Path) -> None:
    assert load_reference("small", tmp_path) is None


def test_any_part_of_the_answers_can_be_had(tmp_path: Path) -> None:
    dump(tmp_path / "small.json", document())
    reference = load_reference("small", tmp_path)
    assert reference is not None
    assert [ids.tolist() for ids in reference.answers([2, 0])] == [[9], [5, 6, 7, 2]]


def test_changed_answers_are_refused(tmp_path: Path) -> None:
    dump(tmp_path / "small.json", document(outputs=[[5, 6, 7], [2, 8, 2], [9]]))
    with pytest.raises(ConfigError, match="outputs have SHA-256") as caught:
        load_reference("small", tmp_path)
    assert caught.value.where == str(tmp_path / "small.json")


@pytest.mark.parametrize("content", ["", "[]", '{"model": "small"}', "\x00"])
def test_a_malformed_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "small.json").write_text(content)
    with pytest.raises(ConfigError, match="the reference is malformed"):
        load_reference("small", tmp_path)


def test_only_a_run_under_the_same_conditions_matches() -> None:
    reference = Reference.model_validate(document())
    assert reference.mismatches(run_config(), "float32", "a" * 64) == []
    assert reference.mismatches(run_config(), "bfloat16", "a" * 64) == [
        "dtype bfloat16 where it has float32"
    ]
    found = reference.mismatches(run_config(max_tokens=64, min_tokens=2), "float32", "b" * 64)
    assert [text.split(" ")[0] for text in found] == ["data", "max_tokens", "min_tokens"]


@pytest.mark.parametrize("path", sorted(REFERENCES.glob("*.json")), ids=lambda path: path.stem)
def test_each_shipped_reference_is_whole(path: Path) -> None:
    reference = load_reference(path.stem)
    assert reference is not None
    assert reference.model == path.stem
    assert len(reference.outputs) == reference.scores.gen_num
    assert max(map(len, reference.outputs)) <= reference.max_tokens
    assert json.loads(path.read_text())["made_with"]["transformers"]
