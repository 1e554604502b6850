from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qsl.tokenizer import open_tokenizer
from sut.accuracy import targets
from sut.accuracy.judge import Yardstick
from sut.accuracy.reference import outputs_sha256
from sut.accuracy.scorers.rouge import Rouge
from sut.accuracy.targets import Asked, for_count
from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.config.schema import EngineConfig, GenerationConfig, ModelConfig, RunConfig
from sut.config.vllm_options import VllmConfig
from sut.record.facts import DatasetFacts
from tests.unit.accuracy.answered import SUMMARIES, encoded, make_model
from tests.unit.accuracy.test_reference import document
from tests.unit.result.sessions import dump, make_config

ROUGE = Rouge(None)
NOBODY = Asked([], None, None, ROUGE)


def choose(config: RunConfig, *others: Any) -> tuple[Yardstick | None, list[str]]:
    """The targets of a run whose engine became what was planned."""
    return targets.choose(config, config.engine.planned(), *others)


def facts(**changes: Any) -> DatasetFacts:
    values: dict[str, Any] = {
        "name": "cnn_eval", "source": "file", "path": "cnn_eval.json", "sha256": "a" * 64,
        "count": 13368, "synthetic": False, "prompt_tokens_min": 1, "prompt_tokens_mean": 2.0,
        "prompt_tokens_max": 3,
    }  # fmt: skip
    return DatasetFacts.model_validate(values | changes)


def official_config(max_tokens: int = 128, **changes: Any) -> RunConfig:
    model = ModelConfig(
        name="llama3.1-8b", path="x", official=True, context_tokens=4096, vocab_size=128256,
        eos_token_ids=(128009,), benchmark="llama3.1-8b", prompt_format="llama3.1-8b-cnn",
    )  # fmt: skip
    generation = GenerationConfig(max_tokens=max_tokens)
    return make_config(("accuracy",), model=model, generation=generation, **changes)


def small_config(dtype: str = "float32", **changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "generation": GenerationConfig(max_tokens=32),
        "engine": EngineConfig(vllm=VllmConfig(dtype=dtype)),
    }
    return make_config(("accuracy",), **(values | changes))


def test_the_official_model_is_held_to_its_round() -> None:
    yardstick, notes = choose(
        official_config(), Scenario.SERVER, facts(), load_round("v6.1"), NOBODY
    )
    assert yardstick is not None
    assert (yardstick.name, notes) == ("round v6.1, llama3.1-8b", [])
    assert yardstick.least["ROUGELSUM"] == 35.43507
    assert yardstick.most == {"GEN_LEN": 8984408.4}


def test_single_stream_is_held_to_the_edge_benchmark() -> None:
    yardstick, _ = choose(
        official_config(),
        Scenario.SINGLE_STREAM,
        facts(count=5000),
        load_round("v6.1"),
        NOBODY,
    )
    assert yardstick is not None
    assert yardstick.name == "round v6.1, llama3.1-8b-edge"


@pytest.mark.parametrize(
    ("changes", "max_tokens", "why"),
    [
        ({"count": 50}, 128, "50 of 13368 samples were asked"),
        ({"source": "sample"}, 128, "the data set is the sample one"),
        ({}, 64, "max_tokens is 64 and not 128"),
    ],
)
def test_the_rounds_targets_hold_for_nothing_less(
    changes: dict[str, Any], max_tokens: int, why: str
) -> None:
    yardstick, notes = choose(
        official_config(max_tokens), Scenario.OFFLINE, facts(**changes), load_round("v6.1"), NOBODY
    )
    assert yardstick is None
    assert notes == [f"not judged by round v6.1: {why}"]


def test_a_round_without_the_benchmark_judges_nothing() -> None:
    config = official_config()
    yardstick, notes = choose(config, Scenario.OFFLINE, facts(), load_round("v5.0"), NOBODY)
    assert yardstick is None
    assert "round v5.0 has no benchmark llama3.1-8b" in notes[0]


def test_what_no_model_answered_or_no_one_wrote_is_not_judged() -> None:
    rules = load_round("v6.1")
    null = official_config(engine=EngineConfig(kind="null"))
    assert choose(null, Scenario.OFFLINE, facts(), rules, NOBODY)[0] is None
    yardstick, notes = choose(
        official_config(), Scenario.OFFLINE, facts(synthetic=True), rules, NOBODY
    )
    assert yardstick is None
    assert "synthetic" in notes[0]


@pytest.fixture
def answered(tmp_path: Path) -> tuple[Path, Asked]:
    """A folder with a reference, and the first three samples asked, the last first."""
    model = make_model(tmp_path / "model")
    outputs = [encoded(model, text) for text in SUMMARIES]
    dump(
        tmp_path / "small.json",
        document(outputs=outputs, outputs_sha256=outputs_sha256(outputs)),
    )
    indices = [2, 1, 0]
    return tmp_path, Asked(indices, [SUMMARIES[i] for i in indices], open_tokenizer(model), ROUGE)


def test_a_part_of_the_data_set_is_held_to_that_part(answered: tuple[Path, Asked]) -> None:
    folder, asked = answered
    data = facts(count=3, source="sample")
    rules = load_round("v6.1")
    yardstick, notes = choose(small_config(), Scenario.OFFLINE, data, rules, asked, folder)
    assert yardstick is not None
    assert notes == []
    assert yardstick.name == str(folder / "small.json")
    assert yardstick.least["ROUGE1"] == pytest.approx(99.0)
    length = sum(len(SUMMARIES[i]) for i in asked.indices)
    assert yardstick.least["GEN_LEN"] == pytest.approx(0.9 * length)
    assert "ROUGELSUM" not in yardstick.least


def test_a_run_under_other_conditions_is_not_judged(answered: tuple[Path, Asked]) -> None:
    folder, asked = answered
    rules, config = load_round("v6.1"), small_config("bfloat16")
    yardstick, notes = choose(config, Scenario.OFFLINE, facts(), rules, asked, folder)
    assert yardstick is None
    assert "made for other conditions: dtype bfloat16 where it has float32" in notes[0]


def test_a_sample_the_reference_lacks_is_not_judged(answered: tuple[Path, Asked]) -> None:
    folder, asked = answered
    more = Asked([4], [""], asked.tokenizer, ROUGE)
    rules = load_round("v6.1")
    yardstick, notes = choose(small_config(), Scenario.OFFLINE, facts(), rules, more, folder)
    assert (yardstick, "has 4 samples" in notes[0]) == (None, True)


def test_a_model_without_reference_is_not_judged(tmp_path: Path) -> None:
    rules = load_round("v6.1")
    yardstick, notes = choose(small_config(), Scenario.OFFLINE, facts(), rules, NOBODY, tmp_path)
    assert (yardstick, notes) == (None, ["not judged: there is no reference for model small"])


def test_the_count_of_samples_names_the_benchmark() -> None:
    rules = load_round("v6.1")
    found = [for_count(rules, count) for count in (13368, 5000, 50)]
    assert [each and each.name for each, _ in found] == [
        "round v6.1, llama3.1-8b",
        "round v6.1, llama3.1-8b-edge",
        None,
    ]
    assert found[2][1] == ["not judged: no benchmark of round v6.1 has 50 samples"]


def test_a_count_that_two_benchmarks_have_names_neither() -> None:
    rules = load_round("v6.1")
    twins = dict.fromkeys(("one", "two"), rules.benchmarks["llama3.1-8b"])
    both = rules.model_copy(update={"benchmarks": twins})
    assert for_count(both, 13368) == (None, ["not judged: one and two have 13368 samples"])
