"""What vLLM tells of itself once it is ready: the traits, and the rest in vLLM's own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sut.config.engine_traits import UNQUANTISED, EngineTraits
from sut.config.schema import VllmConfig
from sut.engines.base import EngineInfo
from sut.machine.hardware import vllm_package

# What the harness asks of every query (`sut.engines.vllm.args`); all else would change answers.
_ASKED = {"temperature", "max_tokens", "min_tokens", "stop_token_ids", "detokenize"}
# A place, and what no two starts have alike.
FREE = ("model", "num_gpu_blocks")


def told(
    in_force: Any,
    options: VllmConfig,
    *,
    arguments: Mapping[str, Any],
    sampling: Mapping[str, Any],
    of_machine: Mapping[str, Any],
    on_cards: bool,
) -> EngineInfo:
    """What a started engine says.

    Args:
        in_force: vLLM's own VllmConfig, as it is after the start.
        options: what was asked for.
        arguments: those it was started with.
        sampling: parameters of every query.
        of_machine: what was found out about this machine.
        on_cards: whether it runs on accelerator cards.
    """
    found = {**of_machine, "block_size": in_force.cache_config.block_size}
    return EngineInfo(
        kind="vllm",
        replicas=1,
        arguments=dict(arguments),
        sampling=dict(sampling),
        traits=_traits(in_force, options, sampling, found, on_cards),
        model_path=str(arguments["model"]),
        details=_details(in_force) | found,
    )


def _traits(
    in_force: Any,
    options: VllmConfig,
    sampling: Mapping[str, Any],
    of_machine: Mapping[str, Any],
    on_cards: bool,
) -> EngineTraits:
    """What was planned, with what is in force in place of what was asked for."""
    model, cache, scheduler = (
        in_force.model_config, in_force.cache_config, in_force.scheduler_config,
    )  # fmt: skip
    planned = options.planned()
    return planned.model_copy(
        update={
            "package": vllm_package(),
            "dtype": str(model.dtype).removeprefix("torch."),
            # Not the argument: a checkpoint may name its own quantisation.
            "quantization": model.quantization or UNQUANTISED,
            "kv_cache_dtype": str(cache.cache_dtype),
            "prefix_caching": bool(cache.enable_prefix_caching),
            "speculative_decoding": in_force.speculative_config is not None,
            "greedy": sampling["temperature"] == 0.0,
            "max_tokens": sampling["max_tokens"],
            "min_tokens": sampling["min_tokens"],
            "end_token_ids": tuple(sampling["stop_token_ids"]),
            "other_sampling": tuple(sorted(sampling.keys() - _ASKED)),
            "context_tokens": model.max_model_len,
            "max_batch_sequences": scheduler.max_num_seqs,
            "max_batch_tokens": scheduler.max_num_batched_tokens,
            "cards_per_replica": planned.cards_per_replica if on_cards else 0,
            "free": FREE,
            "of_machine": tuple(of_machine),
        }
    )


def _details(in_force: Any) -> dict[str, Any]:
    model, cache, scheduler = (
        in_force.model_config, in_force.cache_config, in_force.scheduler_config,
    )  # fmt: skip
    return {
        "architecture": ",".join(model.architectures),
        "dtype": str(model.dtype),
        "quantization": model.quantization,
        "max_model_len": model.max_model_len,
        "num_gpu_blocks": cache.num_gpu_blocks,
        "prefix_caching": cache.enable_prefix_caching,
        "speculative_decoding": in_force.speculative_config is not None,
        "max_num_seqs": scheduler.max_num_seqs,
        "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        "async_scheduling": scheduler.async_scheduling,
    }
