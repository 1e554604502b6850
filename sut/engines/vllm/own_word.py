"""What vLLM's own processes say of themselves: the core of its scheduler, workers of their tensors.

The configuration that vLLM shows in our process is a copy. The core has its own, and may change it
after the start; a plugin or a variable may have changed it there alone. So the core is asked. vLLM
hands every object of its configuration to the processes it starts by pickling it, and we have one
there (`sut.engines.vllm.luggage`), which gives the core a method to be asked by.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sut.engines.vllm.core_load import LOAD_METHOD, load_of_core
from sut.engines.vllm.variables import WATCH
from sut.machine.variables import GROUND

METHOD = "told_to_harness"
CORE_MODULE = "vllm.v1.engine.core"
# Sampling parameters that decide what comes back and when, never which tokens.
_OF_OUTPUT = frozenset(
    {"logprobs", "prompt_logprobs", "prompt_logprob_token_ids", "prompt_logprob_start"}
    | {"logprob_token_ids", "flat_logprobs", "detokenize", "skip_special_tokens"}
    | {"spaces_between_special_tokens", "include_stop_str_in_output", "output_kind", "seed"}
    | {"stream_interval", "skip_clone", "output_text_buffer_length"}
    | {"routed_experts_prompt_start", "skip_reading_prefix_cache"}
)
# Values at which a parameter changes nothing; one that is null, empty, false or 0 never does.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,), "top_p": (1.0,), "top_k": (0, -1), "repetition_penalty": (1.0,),
}  # fmt: skip


def teach() -> None:
    """Give vLLM's core the methods; in a process without a core nothing is done or imported."""
    if module := sys.modules.get(CORE_MODULE):
        setattr(module.EngineCore, METHOD, word_of_core)
        setattr(module.EngineCore, LOAD_METHOD, load_of_core)


def word_of_core(core: Any) -> dict[str, Any]:
    """All that one engine core and its workers say; plain values, which cross vLLM's socket."""
    scheduler = core.scheduler
    return {
        "config": word_of_config(core.vllm_config),
        "scheduler": {
            "prefix_caching": bool(scheduler.kv_cache_manager.enable_caching),
            "kv_connector": _kind(scheduler.connector),
            "guessed_tokens": scheduler.num_spec_tokens,
            "max_model_len": scheduler.max_model_len,
            "max_num_seqs": scheduler.max_num_running_reqs,
            "max_num_batched_tokens": scheduler.max_num_scheduled_tokens,
        },
        "workers": core.model_executor.collective_rpc(word_of_worker),
        "environment": (GROUND | WATCH).seen(os.environ),
    }


def word_of_worker(worker: Any) -> dict[str, Any]:
    """Of what types its parameters (bytes of each) and its KV cache are, and what guesses ahead."""
    runner = worker.model_runner
    parameters: Counter[str] = Counter()
    for each in runner.get_model().parameters():
        parameters[_type(each)] += each.numel() * each.element_size()
    guesser = getattr(runner, "speculator", None) or getattr(runner, "drafter", None)
    return {
        "parameter_bytes": dict(parameters.most_common()),
        "kv_cache_dtypes": sorted({_type(each) for each in _tensors(runner.kv_caches)}),
        "guesser": _kind(guesser),
    }


def word_of_config(config: Any) -> dict[str, Any]:
    """A VllmConfig in force, in plain values."""
    model, cache, scheduler = config.model_config, config.cache_config, config.scheduler_config
    return {
        "model": str(model.model),
        "architecture": ",".join(model.architectures),
        "dtype": _type(model),
        "quantization": model.quantization,
        "max_model_len": model.max_model_len,
        "load_format": str(getattr(config.load_config.load_format, "value", None)
                           or config.load_config.load_format),
        "kv_cache_dtype": str(cache.cache_dtype),
        "block_size": cache.block_size,
        "num_gpu_blocks": cache.num_gpu_blocks,
        "prefix_caching": bool(cache.enable_prefix_caching),
        "speculative_decoding": config.speculative_config is not None,
        "kv_transfer": config.kv_transfer_config is not None,
        "max_num_seqs": scheduler.max_num_seqs,
        "max_num_batched_tokens": scheduler.max_num_batched_tokens,
        "enable_chunked_prefill": scheduler.enable_chunked_prefill,
        "async_scheduling": scheduler.async_scheduling,
    }  # fmt: skip


def word_of_sampling(parameters: Any, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What vLLM's SamplingParams hold of what was asked, and whatever else changes answers."""
    held = {
        name: getattr(parameters, name)
        for name in parameters.__struct_fields__
        if not name.startswith("_")
    }
    return {
        name: value if isinstance(value, int | float | str | list | None) else str(value)
        for name, value in held.items()
        if name in asked or _changes_answers(name, value)
    }


def _changes_answers(name: str, value: Any) -> bool:
    return bool(value) and name not in _OF_OUTPUT and value not in _NEUTRAL.get(name, ())


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Values of a configuration that the core has otherwise than our process: [ours, theirs]."""
    return {
        name: [value, theirs.get(name)]
        for name, value in ours.items()
        # Counted by the core once it has measured the memory.
        if name != "num_gpu_blocks" and value != theirs.get(name)
    }


def _type(holder: Any) -> str:
    return str(holder.dtype).removeprefix("torch.")


def _kind(found: Any) -> str | None:
    return None if found is None else type(found).__name__


def _tensors(found: Any) -> list[Any]:
    """Every tensor of lists in lists: a layer's cache may be one tensor or several."""
    if isinstance(found, list | tuple):
        return [each for part in found for each in _tensors(part)]
    return [found] if hasattr(found, "dtype") else []
