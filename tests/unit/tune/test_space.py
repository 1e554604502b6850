"""What is searched: by platform, or as a user says."""

from __future__ import annotations

import pytest

from sut.config.names import Scenario
from sut.config.vllm_options import VllmConfig
from sut.config.vllm_search import LEAVE_ANSWERS, searched
from sut.errors import ConfigError
from sut.tune.space import every_setting, flat_engine, settings_of, space_of, wanted_of
from tests.unit.config.support import loaded

SEQS = "engine.vllm.max_num_seqs"


def keys(*flags: str) -> set[str]:
    config = flat_engine(loaded(*flags, "--scenario", "Server").config, Scenario.SERVER)
    return {each.key.removeprefix("engine.vllm.") for each in space_of(config)}


def test_a_card_has_other_settings_than_a_cpu():
    both = keys("--system", "cpu") & keys("--system", "h100")
    assert {"max_num_seqs", "max_num_batched_tokens"} <= both
    assert "dtype" in keys("--system", "cpu") - keys("--system", "h100")
    assert "attention_backend" in keys("--system", "h100") - keys("--system", "cpu")


def test_the_value_that_is_set_is_one_of_those_searched_in_its_place():
    config = loaded("--system", "cpu-dummy", "--set", f"{SEQS}=100").config
    (found,) = (each for each in space_of(config) if each.key == SEQS)
    assert found.values == (8, 16, 32, 64, 100, 128, 256, 512)
    assert found.ordered


def test_the_engine_of_the_scenario_is_the_one_that_is_searched():
    config = loaded("--system", "a30-bf16").config
    flat = flat_engine(config, Scenario.SERVER)
    assert settings_of(["engine.vllm.max_num_batched_tokens"], flat) == {
        "engine.vllm.max_num_batched_tokens": 512
    }
    assert flat.by_scenario == {}


def test_a_user_says_what_is_searched():
    config = loaded("--system", "cpu-dummy").config
    texts = (f"{SEQS}=64, 256", "engine.vllm.attention_backend=null,TORCH_SDPA")
    space = space_of(config, [wanted_of(each) for each in texts])
    assert [each.values for each in space] == [(64, 256), (None, "TORCH_SDPA")]
    assert len(list(every_setting(space))) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("engine.vllm.max_num_seqs=8", "two values or more"),
        ("server.target_qps=1,2", "no setting of the engine"),
        ("engine.vllm.max_num_seq=8,16", "The nearest is engine.vllm.max_num_seqs"),
        ("engine.vllm.max_num_seqs=8,many", "engine.vllm.max_num_seqs is many"),
    ],
)
def test_what_is_no_setting_is_refused(text, words):
    with pytest.raises(ConfigError) as refused:
        space_of(loaded("--system", "cpu-dummy").config, [wanted_of(text)])
    assert words in refused.value.render()
    assert "--space" in refused.value.render()


def test_of_an_unknown_engine_nothing_is_guessed():
    with pytest.raises(ConfigError, match="not known what to search"):
        space_of(loaded("--engine", "null").config)


@pytest.mark.parametrize(
    ("key", "answers"),
    [(SEQS, False), ("engine.vllm.seed", True), ("engine.vllm.extra.block_size", False)],
)
def test_what_nobody_looked_at_could_change_answers(key, answers):
    (found,) = space_of(loaded("--system", "cpu-dummy").config, [wanted_of(f"{key}=1,2")])
    assert found.answers is answers


def test_every_name_that_is_searched_is_a_setting():
    for platform in ("cpu", "cuda"):
        assert set(searched(platform)) <= set(VllmConfig.model_fields)
    assert {each for each in LEAVE_ANSWERS if "." not in each} <= set(VllmConfig.model_fields)
