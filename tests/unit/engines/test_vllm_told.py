"""What vLLM tells of itself, in the words that everybody else reads; without vLLM."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sut.config.schema import VllmConfig
from sut.engines.base import EngineInfo
from sut.engines.vllm.args import engine_arguments, sampling_arguments
from sut.engines.vllm.told import told

SECTIONS: dict[str, dict[str, Any]] = {
    "model_config": {
        "architectures": ["LlamaForCausalLM"], "dtype": "torch.bfloat16", "quantization": None,
        "max_model_len": 300,
    },
    "cache_config": {
        "block_size": 128, "num_gpu_blocks": 9, "enable_prefix_caching": False,
        "cache_dtype": "auto",
    },
    "scheduler_config": {
        "max_num_seqs": 64, "max_num_batched_tokens": 4096, "async_scheduling": True,
    },
}  # fmt: skip


def started(
    options: VllmConfig | None = None, *, speculates: bool = False, more: Any = None, **changes: Any
) -> EngineInfo:
    """What is told of a vLLM whose own configuration has these values."""
    options = options or VllmConfig()
    sections = {
        name: SimpleNamespace(**(values | {k: v for k, v in changes.items() if k in values}))
        for name, values in SECTIONS.items()
    }
    in_force = SimpleNamespace(**sections, speculative_config=object() if speculates else None)
    sampling = sampling_arguments(
        max_tokens=8, min_tokens=1, eos_token_ids=(2,), first_token=False
    ) | (more or {})
    return told(
        in_force,
        options,
        arguments=engine_arguments(options, model_path="m", max_model_len=300),
        sampling=sampling,
        of_machine={"preloaded": []},
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
    assert traits.cards_per_replica == 0, "there are none on a CPU"


@pytest.mark.parametrize(
    ("trait", "value", "engine"),
    [
        ("weights", "random", started(VllmConfig(load_format="dummy"))),
        # What a checkpoint names itself, whatever was asked for.
        ("quantization", "compressed-tensors", started(quantization="compressed-tensors")),
        ("prefix_caching", True, started(enable_prefix_caching=True)),
        ("speculative_decoding", True, started(speculates=True)),
        ("greedy", False, started(more={"temperature": 0.7})),
        ("other_sampling", ("top_p",), started(more={"top_p": 0.9})),
        ("max_batch_sequences", 8, started(max_num_seqs=8)),
    ],
    ids=str,
)
def test_what_is_in_force_is_told_whatever_was_planned(
    trait: str, value: object, engine: EngineInfo
):
    assert getattr(engine.traits, trait) == value


def test_the_quantisation_in_force_is_a_detail_and_the_one_asked_for_an_argument():
    info = started(quantization="compressed-tensors")
    assert info.arguments["quantization"] is None
    assert info.details["quantization"] == "compressed-tensors"


def test_every_name_that_may_differ_is_one_that_was_told():
    info = started()
    assert set(info.traits.free) <= info.arguments.keys() | info.details.keys()
    assert set(info.traits.of_machine) <= info.details.keys()
    assert "block_size" in info.traits.of_machine
