"""Rates and sizes that follow from the card, for systems that leave them open."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sut.config.sources import Loaded
from sut.errors import ConfigError
from sut.inputs.card_room import require_card_room
from sut.inputs.fit import fitted
from tests.unit.config.support import LLAMA, loaded
from tests.unit.nvidia import nvidia_smi

CARDS = {
    "NVIDIA A30": 24576, "NVIDIA L4": 23034, "NVIDIA A10": 23028, "NVIDIA L40S": 46068,
    "NVIDIA A100-SXM4-80GB": 81920, "NVIDIA H100 80GB HBM3": 81559, "NVIDIA H200": 143771,
}  # fmt: skip
UNKNOWN = "NVIDIA Card of Tomorrow"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(LLAMA))
    return tmp_path


def inputs(model: Path, mean: float = 870.0, longest: int = 2540) -> Any:
    dataset = SimpleNamespace(lengths=SimpleNamespace(mean=mean))
    return SimpleNamespace(model_path=model, dataset=dataset, longest_prompt=longest)


@pytest.fixture
def fit_to(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The configuration of a command line on a box with one card."""

    def made(card: str, *flags: str, memory: str | None = None, **asked: Any) -> Loaded:
        told = memory or str(CARDS.get(card, 49152))
        nvidia_smi(tmp_path, monkeypatch, f"{card}, GPU-1, {told}, 580.65.06\n")
        given = loaded("--dataset", "synthetic", *flags, card=card)
        found = fitted(given, inputs(model, **asked))
        require_card_room(found.config, inputs(model, **asked))
        return found

    return made


@pytest.mark.parametrize("card", list(CARDS))
def test_each_card_is_asked_for_what_it_can_hold_and_less_than_it_can_do(fit_to, card) -> None:
    config = fit_to(card, "--system", "auto").config
    vllm = config.engine.vllm
    kv_tokens = (CARDS[card] * 2**20 * 0.92 - 17.2e9) / (128 * 1024)
    assert vllm.max_num_seqs * (870 + 32) <= kv_tokens
    assert 256 <= vllm.max_num_batched_tokens <= 8192
    assert config.interactive.target_qps <= config.server.target_qps < config.offline.target_qps / 2


def test_a_card_is_known_by_its_own_system_and_any_other_by_the_general_one(fit_to) -> None:
    assert fit_to("NVIDIA A30").config.system.name == "a30-bf16"
    assert fit_to("NVIDIA L4").config.system.name == "l4"
    assert fit_to("NVIDIA H100 NVL").config.system.name == "auto"


def test_the_values_say_which_card_they_fit_and_what_a_user_sets_stays(fit_to) -> None:
    found = fit_to("NVIDIA L4", "--set", "server.target_qps=0.5")
    assert found.origins["offline.target_qps"] == "fitted to NVIDIA L4"
    assert found.origins["engine.vllm.max_num_seqs"] == "fitted to NVIDIA L4"
    assert found.config.server.target_qps == 0.5
    assert found.origins["server.target_qps"].startswith("--set")


def test_a_system_that_sets_its_rates_keeps_them(fit_to) -> None:
    found = fit_to("NVIDIA A30")
    assert found.config.offline.target_qps == 40.0
    assert not any(origin.startswith("fitted") for origin in found.origins.values())


def test_an_unknown_card_gets_what_its_memory_holds_and_the_profiles_rates(fit_to) -> None:
    found = fit_to(UNKNOWN)
    assert found.config.system.name == "auto"
    assert found.origins["engine.vllm.max_num_seqs"] == f"fitted to {UNKNOWN}"
    assert found.config.server.target_qps == 1.0


STEP = "engine.vllm.max_num_batched_tokens"
ALL = "Offline,Server,Interactive,SingleStream"


def steps(found: Loaded) -> list[int]:
    return [
        found.config.of(each).engine.vllm.max_num_batched_tokens for each in found.config.scenarios
    ]


@pytest.mark.parametrize(
    ("card", "expected"),
    [
        ("NVIDIA A30", [2048, 512, 256, 2048]),
        ("NVIDIA L4", [1024, 256, 256, 1024]),
        ("NVIDIA H200", [8192, 2048, 1024, 8192]),
    ],
)
def test_a_step_takes_half_of_what_a_token_may_in_each_scenario(fit_to, card, expected) -> None:
    found = fit_to(card, "--system", "auto", "--scenario", ALL)
    assert steps(found) == expected
    assert found.origins[f"by_scenario.Server.{STEP}"] == f"fitted to {card}"
    assert f"by_scenario.Offline.{STEP}" not in found.origins
    assert found.config.engine_starts()[0] == ("Offline", "SingleStream")


def test_a_scenario_alone_has_one_key(fit_to) -> None:
    found = fit_to("NVIDIA A30", "--system", "auto", "--scenario", "Server")
    assert steps(found) == [512]
    assert found.config.by_scenario == {}


def test_steps_that_a_user_sets_are_not_fitted_for_any_scenario(fit_to) -> None:
    asked = ("--system", "auto", "--scenario", ALL)
    assert set(steps(fit_to("NVIDIA A30", *asked, "--set", f"{STEP}=1024"))) == {1024}
    own = fit_to("NVIDIA A30", *asked, "--set", f"by_scenario.Server.{STEP}=768")
    assert steps(own) == [2048, 768, 256, 2048]


def test_no_step_is_smaller_than_the_queries_in_it(fit_to) -> None:
    found = fit_to("NVIDIA H200", "--system", "auto", "--scenario", "Offline,Interactive")
    sequences = found.config.engine.vllm.max_num_seqs
    assert all(each >= sequences for each in steps(found))


def test_longer_prompts_lower_the_rates(fit_to) -> None:
    short, long = (fit_to("NVIDIA L4", mean=each).config for each in (100.0, 2000.0))
    assert long.server.target_qps < short.server.target_qps / 5
    assert long.engine.vllm.max_num_seqs < short.engine.vllm.max_num_seqs


def test_a_model_that_does_not_fit_is_refused_before_anything_starts(fit_to) -> None:
    with pytest.raises(ConfigError) as refused:
        fit_to(UNKNOWN, memory="16384")
    assert "does not fit" in refused.value.message
    assert "the longest query has 2604" in refused.value.message


@pytest.mark.parametrize(
    ("flags", "fits"),
    [
        ((), False),  # 14.9 GiB of weights in 0.9 of 16
        (("--engine", "null"), True),
        (("--tensor-parallel-size", "2"), True),
        (("--set", "engine.vllm.gpu_memory_utilization=0.5"), False),
        (
            ("--scenario", "Offline", "--set", "by_scenario.Offline.engine.vllm.dtype=float16"),
            False,
        ),
    ],
)
def test_settings_that_are_given_are_refused_only_where_nothing_could_start(
    fit_to, flags, fits
) -> None:
    asked = {"memory": "15360"}
    if fits:
        fit_to("NVIDIA A30", "--system", "a30-bf16", *flags, **asked)
        return
    with pytest.raises(ConfigError, match="does not fit on NVIDIA A30"):
        fit_to("NVIDIA A30", "--system", "a30-bf16", *flags, **asked)


def test_the_settings_of_every_engine_start_count(fit_to) -> None:
    share = "by_scenario.Server.engine.vllm.gpu_memory_utilization=0.6"
    asked = ("--system", "a30-bf16", "--scenario", "Offline,Server")
    fit_to("NVIDIA A30", *asked)
    with pytest.raises(ConfigError, match="does not fit"):
        fit_to("NVIDIA A30", *asked, "--set", share)


def test_without_a_card_nothing_can_be_fitted(model, tmp_path, monkeypatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "No devices were found\n", code=6)
    with pytest.raises(ConfigError) as refused:
        fitted(loaded("--dataset", "synthetic", "--system", "auto"), inputs(model))
    assert "no card tells its memory" in refused.value.message


def test_more_replicas_are_asked_for_more(fit_to) -> None:
    one = fit_to("NVIDIA L40S").config.server.target_qps
    two = fit_to("NVIDIA L40S", "--replicas", "2").config.server.target_qps
    assert two == pytest.approx(2 * one, rel=0.1)
