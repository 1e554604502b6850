"""Configuration → vLLM's engine arguments, sampling parameters; pure.

Every argument is explicit: an embedded AsyncLLM's defaults depend on how it is embedded
(ray-project/ray issue 55159: 128 sequences and 2,048 tokens where the server has other values).
"""

from __future__ import annotations

from typing import Any

from sut.config.vllm_options import VllmConfig


def engine_arguments(vllm: VllmConfig, *, model_path: str, max_model_len: int) -> dict[str, Any]:
    """Keyword arguments of AsyncEngineArgs.

    Prefix caching is off always: the rules allow no KV reuse across queries.
    Source: inference_rules.adoc 5.1, 8.2 and 9.4.
    """
    arguments: dict[str, Any] = {
        "model": model_path,
        "dtype": vllm.dtype,
        "quantization": vllm.quantization,
        "kv_cache_dtype": vllm.kv_cache_dtype,
        "load_format": vllm.load_format,
        "max_model_len": max_model_len,
        "max_num_seqs": vllm.max_num_seqs,
        "max_num_batched_tokens": max(vllm.max_num_batched_tokens, vllm.max_num_seqs),
        "gpu_memory_utilization": vllm.gpu_memory_utilization,
        "enforce_eager": vllm.enforce_eager,
        "enable_chunked_prefill": vllm.enable_chunked_prefill,
        "enable_prefix_caching": False,
        "async_scheduling": vllm.async_scheduling,
        "tensor_parallel_size": vllm.tensor_parallel_size,
        "pipeline_parallel_size": vllm.pipeline_parallel_size,
        "generation_config": "vllm",
        "disable_log_stats": True,
        "skip_tokenizer_init": True,
        "seed": vllm.seed,
    }
    if vllm.tensor_parallel_size * vllm.pipeline_parallel_size > 1:
        # Inside a Ray actor vLLM would ask Ray for the cards that this actor holds already.
        arguments["distributed_executor_backend"] = "mp"
    if vllm.attention_backend is not None:
        arguments["attention_backend"] = vllm.attention_backend
    # Names of ours are refused there (`sut.config.vllm_extra`).
    return {**vllm.extra, **arguments}


def sampling_arguments(
    *, max_tokens: int, min_tokens: int, eos_token_ids: tuple[int, ...], first_token: bool
) -> dict[str, Any]:
    """Keyword arguments of SamplingParams: greedy (inference_rules.adoc 9.4), ids only.

    With `first_token` vLLM gives two outputs per query, the first token and the rest;
    without it, one. Never one per token.
    """
    arguments: dict[str, Any] = {
        "temperature": 0.0,
        "max_tokens": max_tokens,
        "min_tokens": min_tokens,
        "stop_token_ids": list(eos_token_ids),
        "detokenize": False,
    }
    if first_token:
        arguments["stream_interval"] = max_tokens + 1
    return arguments
