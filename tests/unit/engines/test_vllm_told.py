"""What vLLM tells of itself, in the words that everybody else reads; without vLLM."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from sut.config.vllm_options import VllmConfig
from sut.engines.base import EngineInfo
from sut.engines.vllm.args import engine_arguments, sampling_arguments
from sut.engines.vllm.told import told
from sut.errors import EngineStartError

HERE: dict[str, Any] = {
    "model": "m", "architecture": "LlamaForCausalLM", "dtype": "bfloat16", "quantization": None,
    "max_model_len": 300, "load_format": "auto", "kv_cache_dtype": "auto", "block_size": 128,
    "num_gpu_blocks": None, "prefix_caching": False, "speculative_decoding": False,
    "kv_transfer": False, "max_num_seqs": 64, "max_num_batched_tokens": 4096,
    "enable_chunked_prefill": True, "async_scheduling": True,
}  # fmt: skip
SCHEDULER: dict[str, Any] = {
    "prefix_caching": False, "kv_connector": None, "guessed_tokens": 0, "max_model_len": 300,
    "max_num_seqs": 64, "max_num_batched_tokens": 4096,
}  # fmt: skip
WORKER: dict[str, Any] = {
    "parameter_bytes": {"bfloat16": 90, "float32": 10},
    "kv_cache_dtypes": ["bfloat16"],
    "guesser": None,
}


def started(
    options: VllmConfig | None = None,
    *,
    scheduler: Any = None,
    worker: Any = None,
    more: Any = None,
    **config: Any,
) -> EngineInfo:
    """What is told where the core's own word has these values."""
    options = options or VllmConfig()
    core = {
        "config": copy.deepcopy(HERE) | {"num_gpu_blocks": 9} | config,
        "scheduler": SCHEDULER | (scheduler or {}),
        "workers": [WORKER, WORKER | (worker or {})],
    }
    sampling = sampling_arguments(
        max_tokens=8, min_tokens=1, eos_token_ids=(2,), first_token=False
    ) | (more or {})
    return told(
        HERE,
        core,
        options,
        arguments=engine_arguments(options, model_path="m", max_model_len=300),
        sampling=sampling,
        of_machine={"preloaded": []},
        reached_by=[],
        on_cards=False,
    )


def test_the_traits_are_those_in_force():
    traits = started().traits
    assert (traits.weights, traits.dtype, traits.quantization) == ("real", "bfloat16", "none")
    assert (traits.prefix_caching, traits.speculative_decoding, traits.greedy) == (
        False, False, True,
    )  # fmt: skip
    assert (traits.max_tokens, traits.min_tokens, traits.end_token_ids) == (8, 1, (2,))
    assert traits.other_sampling == ()
    assert (traits.context_tokens, traits.max_batch_sequences) == (300, 64)
    assert traits.kv_cache_dtype == "bfloat16", "of the tensors, where the configuration says auto"
    assert traits.cards_per_replica == 0, "there are none on a CPU"


@pytest.mark.parametrize(
    ("trait", "value", "engine"),
    [
        ("weights", "random", started(load_format="dummy")),
        ("weights", "real", started(VllmConfig(load_format="dummy"))),
        # What a checkpoint names itself, whatever was asked for.
        ("quantization", "compressed-tensors", started(quantization="compressed-tensors")),
        ("quantization", "unnamed (int8)", started(worker={"parameter_bytes": {"int8": 99}})),
        ("dtype", "float32", started(worker={"parameter_bytes": {"float32": 99}})),
        ("kv_cache_dtype", "fp8_e5m2", started(kv_cache_dtype="fp8_e5m2")),
        ("kv_cache_dtype", "bfloat16,uint8", started(worker={"kv_cache_dtypes": ["uint8"]})),
        ("prefix_caching", True, started(prefix_caching=True)),
        ("prefix_caching", True, started(scheduler={"prefix_caching": True})),
        ("prefix_caching", True, started(kv_transfer=True)),
        ("prefix_caching", True, started(scheduler={"kv_connector": "OffloadingConnector"})),
        ("speculative_decoding", True, started(speculative_decoding=True)),
        ("speculative_decoding", True, started(scheduler={"guessed_tokens": 3})),
        ("speculative_decoding", True, started(worker={"guesser": "NgramProposer"})),
        ("greedy", False, started(more={"temperature": 0.7})),
        ("other_sampling", ("top_p",), started(more={"top_p": 0.9})),
        ("context_tokens", 200, started(scheduler={"max_model_len": 200})),
        ("max_batch_sequences", 8, started(scheduler={"max_num_seqs": 8})),
        ("max_batch_tokens", 99, started(scheduler={"max_num_batched_tokens": 99})),
    ],
    ids=str,
)
def test_what_is_in_force_is_told_whatever_was_planned(
    trait: str, value: object, engine: EngineInfo
):
    assert getattr(engine.traits, trait) == value


def test_the_batching_is_described_as_it_is_in_force():
    said = started(max_num_seqs=8, max_num_batched_tokens=99, enable_chunked_prefill=False)
    batching = said.traits.batching or ""
    assert "at most 99 tokens and 8 sequences" in batching
    assert "chunked prefill: off" in batching


def test_the_quantisation_in_force_is_a_detail_and_the_one_asked_for_an_argument():
    info = started(quantization="compressed-tensors")
    assert info.arguments["quantization"] is None
    assert info.details["quantization"] == "compressed-tensors"


def test_what_the_core_has_otherwise_than_our_process_is_on_record():
    assert started().details["otherwise_in_core"] == {}
    found = started(prefix_caching=True).details["otherwise_in_core"]
    assert found == {"prefix_caching": [False, True]}


def test_weights_of_another_place_are_refused():
    with pytest.raises(EngineStartError, match="vLLM loaded /elsewhere, not m"):
        started(model="/elsewhere")


def test_every_name_that_may_differ_is_one_that_was_told():
    info = started()
    assert set(info.traits.free) <= info.arguments.keys() | info.details.keys()
    assert set(info.traits.of_machine) <= info.details.keys()
    assert "block_size" in info.traits.of_machine
