from __future__ import annotations

from pathlib import Path

import pytest

from sut.accuracy.foreign import _benchmark, evaluate_log
from sut.config.rounds import load_round
from sut.errors import ConfigError, LogError
from tests.unit.accuracy.answered import (
    EOS,
    SUMMARIES,
    encoded,
    make_dataset,
    make_model,
    write_log,
)


@pytest.fixture
def log(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Folder of a log, data set and model, and nothing else of a run."""
    model = make_model(tmp_path / "model")
    folder = tmp_path / "logs"
    folder.mkdir()
    write_log(folder, [encoded(model, text) for text in SUMMARIES[:3]] + [[EOS]])
    return folder, make_dataset(tmp_path / "news.json"), model


def test_a_log_alone_is_scored_but_not_judged(log: tuple[Path, Path, Path]) -> None:
    facts = evaluate_log(*log)
    assert {m.name: m.value for m in facts.metrics}["ROUGE1"] == 75.0
    assert (facts.success_rate, facts.passed, facts.judged_against) == (None, None, None)
    assert facts.empty_share == 0.25
    assert facts.notes[0] == "not judged: no round was named"


def test_a_round_judges_only_a_data_set_of_its_size(log: tuple[Path, Path, Path]) -> None:
    facts = evaluate_log(*log, round_name="v6.1")
    assert facts.judged_against is None
    assert "no benchmark of round v6.1 has 4 samples" in facts.notes[0]


def test_a_whole_data_set_is_judged(tmp_path: Path, log: tuple[Path, Path, Path]) -> None:
    folder, _, model = log
    whole = make_dataset(tmp_path / "whole.json", [SUMMARIES[0]] * 13368)
    facts = evaluate_log(folder, whole, model, "v6.1")
    assert facts.judged_against == "round v6.1, llama3.1-8b"
    # Three summaries out of 13368 are far too short.
    assert {m.name: m.passed for m in facts.metrics}["GEN_LEN"] is False
    assert (facts.complete, facts.passed) == (False, False)
    assert facts.problems[0] == "13364 of 13368 samples have no answer in the log"


def test_the_ends_of_an_answer_come_from_the_models_folder(log: tuple[Path, Path, Path]) -> None:
    folder, dataset, model = log
    (model / "generation_config.json").write_text('{"eos_token_id": [7, 2]}')
    assert evaluate_log(folder, dataset, model).empty_share == 0.25
    (model / "generation_config.json").unlink()
    assert evaluate_log(folder, dataset, model).empty_share == 0
    (model / "generation_config.json").write_text('{"eos_token_id": "two"}')
    with pytest.raises(ConfigError, match="eos_token_id cannot be read"):
        evaluate_log(folder, dataset, model)


def test_a_folder_without_the_log_is_named(tmp_path: Path, log: tuple[Path, Path, Path]) -> None:
    with pytest.raises(LogError, match="cannot be read"):
        evaluate_log(tmp_path, *log[1:])


def test_of_two_benchmarks_of_one_size_the_first_is_meant() -> None:
    rules = load_round("v6.1")
    first = rules.benchmarks["llama3.1-8b"]
    second = first.model_copy(update={"max_tokens": first.max_tokens + 1})
    two = rules.model_copy(update={"benchmarks": {"one": first, "two": second}})
    assert _benchmark(two, first.dataset_count) is first
    assert _benchmark(rules, 7) is rules.benchmarks[rules.default_benchmark]
    nobody = rules.model_copy(update={"benchmarks": {}})
    assert _benchmark(nobody, 7).scorer == first.scorer


def test_prompts_alone_tell_how_many_samples_there_are(
    tmp_path: Path, log: tuple[Path, Path, Path]
) -> None:
    folder, dataset, model = log
    make_dataset(dataset, SUMMARIES[:4], output=False, input=False)
    facts = evaluate_log(folder, dataset, model)
    assert (facts.gen_num, facts.passed) == (4, None)
