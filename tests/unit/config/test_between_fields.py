from __future__ import annotations

import pytest

from sut.config.between_fields import check_dataset_count, not_submittable
from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.errors import ConfigError
from tests.unit.config.support import loaded

MLPERF = ("--profile", "mlperf", "--dataset", "synthetic")


@pytest.mark.parametrize(
    ("flags", "where", "complaint"),
    [
        (("--round", "v5.0"), "--round", "entered MLPerf Inference in v5.1"),
        ((*MLPERF, "--round", "v5.0"), "--round", "entered MLPerf Inference in v5.1"),
        (
            ("--scenario", "Server", "--set", "model.benchmark=llama3.1-8b-edge"),
            "--scenario",
            "Server is not one of llama3.1-8b-edge in round v6.1",
        ),
        (
            ("--set", "model.benchmark=llama3.1-8b-edge"),
            "--set model.benchmark",
            "Server is not one of llama3.1-8b-edge in round v6.1",
        ),
        (("--set", "model.benchmark=gptj"), "--set model.benchmark", "has no benchmark gptj"),
        (("--scenario", "Server,Server"), "--scenario", "names one twice"),
        (
            ("--set", "model.loadgen_model=llama3.1-8b"),
            "--set model.loadgen_model",
            "LoadGen knows llama3.1-8b as llama3_1-8b",
        ),
        (
            ("--set", "generation.max_tokens=8192"),
            "--set generation.max_tokens",
            "leaves no room for a prompt in the 8192 tokens of smollm2-135m",
        ),
        (
            ("--set", "engine.vllm.max_model_len=32"),
            "--set engine.vllm.max_model_len",
            "must be above generation.max_tokens (32)",
        ),
        (
            ("--set", "engine.vllm.max_model_len=8193"),
            "--set engine.vllm.max_model_len",
            "at most model.context_tokens (8192)",
        ),
        (
            ("--set", "engine.vllm.max_num_batched_tokens=63"),
            "--set engine.vllm.max_num_batched_tokens",
            "must be at least engine.vllm.max_num_seqs (64)",
        ),
        (
            ("--system", "a30-w8a8"),
            "user_confs/systems/a30-w8a8.yaml:19",
            "Give the quantised checkpoint: --set model.path=DIR.",
        ),
        (
            ("--system", "a30-bf16", "--set", "model.prompt_format=chat"),
            "--set model.prompt_format",
            "an official model is asked with llama3.1-8b-cnn",
        ),
        (
            ("--system", "a30-bf16", "--set", "engine.vllm.load_format=dummy"),
            "--set engine.vllm.load_format",
            "random weights are not an official model",
        ),
        (
            ("--set", "interactive.ttft_limit_ms=10.5"),
            "--set interactive.ttft_limit_ms",
            "10.5, but LoadGen takes whole milliseconds",
        ),
        (
            ("--set", "offline.min_duration_s=1.0005"),
            "--set offline.min_duration_s",
            "1.0005, but LoadGen takes whole milliseconds",
        ),
        (("--profile", "mlperf"), "--profile", "--dataset synthetic to rehearse"),
        (
            (*MLPERF, "--scenario", "Offline,SingleStream"),
            "--scenario",
            "Offline llama3.1-8b (13368 samples), SingleStream llama3.1-8b-edge (5000 samples)",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_with_its_source(flags, where, complaint):
    with pytest.raises(ConfigError) as refused:
        loaded(*flags)
    assert refused.value.where == where
    assert complaint in str(refused.value)


@pytest.mark.parametrize(
    "flags",
    [
        ("--set", "engine.vllm.max_model_len=33"),
        ("--set", "engine.vllm.max_model_len=8192"),
        ("--set", "generation.max_tokens=8191"),
        ("--set", "engine.vllm.max_num_batched_tokens=64"),
        ("--set", "offline.min_duration_s=1.001"),
        ("--system", "a30-w8a8", "--set", "model.path=weights-w8a8"),
        ("--system", "a30-w8a8", "--engine", "null"),
        ("--scenario", "SingleStream"),
        (*MLPERF, "--scenario", "SingleStream"),
        (
            *MLPERF,
            "--scenario",
            "Offline,SingleStream",
            "--set",
            "model.benchmark=llama3.1-8b-edge",
        ),
    ],
)
def test_what_lies_just_inside_is_taken(flags):
    assert loaded(*flags).config is not None


def test_the_data_sets_size_is_held_in_the_mlperf_profile_alone():
    rules = load_round("v6.1")
    config = loaded(*MLPERF).config
    check_dataset_count(config, Scenario.OFFLINE, 13368, rules)
    check_dataset_count(config, Scenario.SINGLE_STREAM, 5000, rules)
    check_dataset_count(loaded().config, Scenario.OFFLINE, 48, rules)
    with pytest.raises(ConfigError, match=r"has 13367 samples, but llama3.1-8b in round v6.1 has"):
        check_dataset_count(config, Scenario.OFFLINE, 13367, rules)
    with pytest.raises(ConfigError, match=r"llama3.1-8b-edge in round v6.1 has 5000"):
        check_dataset_count(config, Scenario.SINGLE_STREAM, 13368, rules)


def test_every_reason_against_a_submission_is_listed():
    assert len(not_submittable(loaded("--engine", "null").config)) == 4
    official = ("--profile", "mlperf", "--dataset", "cnn_eval.json", "--system", "a30-bf16")
    assert not_submittable(loaded(*official).config) == []
    (reason,) = not_submittable(loaded(*official, "--model", "smollm2-135m").config)
    assert reason == "smollm2-135m is not the weights of llama3.1-8b"
