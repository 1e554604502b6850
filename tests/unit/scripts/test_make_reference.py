from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from qsl.dataset import TokenIds
from scripts import make_reference
from scripts.make_reference import as_text, main, reference_config
from sut.accuracy.reference import Reference, load_reference
from sut.config.schema import RunConfig
from sut.errors import ConfigError


def parrot(folder: Path, prompts: Sequence[TokenIds], config: RunConfig) -> list[list[int]]:
    """Each prompt's first ids as its answer."""
    return [prompt[: config.generation.max_tokens].tolist() for prompt in prompts]


def test_it_stands_for_the_quick_profile_of_the_cpu_in_float32() -> None:
    config = reference_config("smollm2-135m", "cpu")
    assert (config.profile, config.dataset.source) == ("quick", "sample")
    assert (config.generation.max_tokens, config.engine.vllm.dtype) == (32, "float32")
    with pytest.raises(ConfigError, match="not in user_confs/models"):
        reference_config("nobody", "cpu")


@pytest.fixture
def _parrot_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make_reference, "decode_greedily", parrot)


@pytest.mark.usefixtures("_parrot_answers")
def test_the_file_is_made_once_and_can_be_checked(
    tmp_path: Path, dummy_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "llama-tiny-dummy.json"
    flags = ["--model", dummy_model.name, "--out", str(out)]
    assert main(flags) == 0
    reference = load_reference("llama-tiny-dummy", tmp_path)
    assert reference is not None
    assert (len(reference.outputs), reference.scores.gen_num) == (64, 64)
    assert reference.scores.metrics["ROUGE1"] is not None
    assert reference.made_with["rouge-score"] == "0.1.2"
    before = out.read_bytes()
    assert main(flags) == 0
    assert "is there already" in capsys.readouterr().out
    assert out.read_bytes() == before
    assert main([*flags, "--check"]) == 0
    assert "64 of 64 answers are the same" in capsys.readouterr().out


@pytest.mark.usefixtures("_parrot_answers")
def test_a_check_finds_another_answer(
    tmp_path: Path, dummy_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "llama-tiny-dummy.json"
    flags = ["--model", dummy_model.name, "--out", str(out)]
    assert main([*flags, "--check"]) == 2
    assert "the reference cannot be read" in capsys.readouterr().err
    main(flags)
    document = json.loads(out.read_text())
    document["outputs"][7][0] += 1
    out.write_text(json.dumps(document))
    assert main([*flags, "--check"]) == 1
    assert "63 of 64 answers are the same" in capsys.readouterr().out


def test_the_text_has_an_answer_a_line(tmp_path: Path) -> None:
    from tests.unit.accuracy.test_reference import document

    reference = Reference.model_validate(document())
    text = as_text(reference)
    assert Reference.model_validate_json(text) == reference
    assert "\n    [5, 6, 7, 2],\n    [8, 2],\n    [9]\n" in text
