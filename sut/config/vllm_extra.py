"""Fields of vLLM's AsyncEngineArgs that `engine.vllm.extra` may name.

What the harness sets itself, and what rules, traits or seals govern, is refused in every profile.
In the mlperf profile a name must stand on a list, because a new field of vLLM is not known to be
safe. A test holds the tables to the fields of vLLM 0.32.0. docs/configuration.md tells the reasons.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from sut.config.engine_traits import Refused
from sut.machine.hardware import vllm_package
from sut.machine.source_fields import fields_in_source

EXTRA = "engine.vllm.extra."
LEAVE_OUT = "Leave it out."
# Tokens of one prompt that a step may take; 0: as many as the step has.
PROMPT_PART = "long_prefill_token_threshold"
# A field of vLLM's → the key of ours that sets it.
OURS: Mapping[str, str] = {
    "model": "model.path",
    "revision": "model.revision",
    **{
        name: f"engine.vllm.{name}"
        for name in (
            *("dtype", "quantization", "kv_cache_dtype", "load_format", "max_model_len"),
            *("max_num_seqs", "max_num_batched_tokens", "gpu_memory_utilization", "seed"),
            *("enforce_eager", "enable_chunked_prefill", "async_scheduling", "attention_backend"),
            *("tensor_parallel_size", "pipeline_parallel_size"),
        )
    },
}
# Why → the fields that no profile takes.
_GOVERNED: Mapping[str, tuple[str, ...]] = {
    "which decides whose weights answer, and the harness finds, hashes and records those": (
        *("model_weights", "hf_config_path", "hf_overrides", "config_format", "convert"),
        *("runner", "model_impl", "download_dir", "ignore_patterns", "pt_load_map_location"),
        *("model_loader_extra_config", "weight_transfer_config", "enable_lora"),
        *("default_mm_loras", "lora_dtype", "lora_target_modules", "served_model_name"),
    ),
    "which lets code that nobody recorded into the engine": (
        *("trust_remote_code", "code_revision", "model_class_overrides", "worker_cls"),
        *("worker_extension_cls", "logits_processors", "io_processor_plugin"),
        *("reasoning_parser_plugin", "log_config_file"),
    ),
    "which is a secret, and settings are recorded and published; set HF_TOKEN": ("hf_token",),
    "but the harness makes token ids itself, before the clock starts": (
        *("tokenizer", "tokenizer_mode", "tokenizer_revision", "skip_tokenizer_init"),
        *("enable_prompt_embeds", "tokens_only"),
    ),
    "but the rules allow no query another's keys and values (inference_rules.adoc 8.2)": (
        *("enable_prefix_caching", "prefix_caching_hash_algo", "prefix_cache_retention_interval"),
        *("prefix_match_unit", "kv_transfer_config", "kv_events_config", "kv_offloading_size"),
        *("kv_offloading_backend", "ec_transfer_config", "kv_sharing_fast_prefill"),
    ),
    "but tokens must not be guessed ahead (inference_rules.adoc 8.2)": (
        *("speculative_config", "spec_method", "spec_model", "spec_tokens", "diffusion_config"),
    ),
    "which is a format of numbers beside those that the result states": (
        *("quantization_config", "allow_deprecated_quantization", "kv_cache_dtype_skip_layers"),
    ),
    "but decoding is fixed by the rules (inference_rules.adoc 9.4)": (
        *("generation_config", "override_generation_config", "watermark_config"),
        *("reasoning_config", "structured_outputs_config", "reasoning_parser"),
    ),
    "but the harness places the engine, and counts the cards that it takes": (
        *("distributed_executor_backend", "device_ids", "nnodes", "node_rank", "master_addr"),
        *("master_port", "data_parallel_size", "data_parallel_rank", "data_parallel_start_rank"),
        *("data_parallel_size_local", "data_parallel_address", "data_parallel_rpc_port"),
        *("data_parallel_hybrid_lb", "data_parallel_external_lb", "data_parallel_backend"),
        *("data_parallel_multi_port_external_lb", "prefill_context_parallel_size"),
        *("decode_context_parallel_size", "enable_elastic_ep", "elastic_ep_max_dp_size"),
    ),
    "which the harness needs for its own word with the engine": (
        *("additional_config", "disable_log_stats", "shutdown_timeout", "enable_sleep_mode"),
        "stream_interval",
    ),
}
GOVERNED = {name: why for why, names in _GOVERNED.items() for name in names}
"""A field of vLLM's → why nobody may set it."""

# What the mlperf profile takes: when something is worked out, and where it lies. None of these can
# change weights, formats of numbers, decoding, or what one query leaves to another.
WHEN_AND_WHERE = frozenset(
    (
        *("long_prefill_token_threshold", "long_prefill_token_threshold_adaptive"),
        *("max_num_active_seqs", "watermark", "scheduler_reserve_full_isl"),
        *("prefill_schedule_interval", "scheduler_cls"),
        *("block_size", "kv_cache_memory_bytes", "num_gpu_blocks_override"),
        *("numa_bind", "numa_bind_nodes", "numa_bind_cpus"),
        *("cudagraph_capture_sizes", "max_cudagraph_capture_size"),
        *("compilation_config.cudagraph_capture_sizes", "compilation_config.cudagraph_mode"),
        "compilation_config.max_cudagraph_capture_size",
        *("max_parallel_loading_workers", "use_tqdm_on_load"),
    )
)
# The one class that is taken by name: of the package whose version is on record.
_SCHEDULERS = "vllm.v1.core.sched."


def flat(tree: Mapping[Any, Any], above: str = "") -> dict[str, Any]:
    """The values of a mapping by their dotted names; one without entries is a value."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping) and value:
            found |= flat(value, f"{above}{name}.")
        else:
            found[f"{above}{name}"] = value
    return found


def refused(extra: Mapping[str, Any], *, strict: bool) -> Iterable[Refused]:
    """What must not be set here.

    Args:
        extra: `engine.vllm.extra`.
        strict: whether what stands on no list is refused, too.
    """
    for field, value in flat(extra).items():
        name = field.partition(".")[0]
        if name in OURS:
            key = OURS[name]
            yield Refused(f"{EXTRA}{field}", value, f"but {key} sets it", f"Set {key}.")
        elif name in GOVERNED:
            yield Refused(f"{EXTRA}{field}", value, GOVERNED[name], LEAVE_OUT)
        elif strict and not _is_safe(field, value):
            yield Refused(
                f"{EXTRA}{field}",
                value,
                "which the mlperf profile does not know to leave answers alone "
                "(docs/configuration.md)",
                "Leave it out, or choose --profile quick.",
            )


def _is_safe(field: str, value: Any) -> bool:
    if field == "scheduler_cls":
        return isinstance(value, str) and value.startswith(_SCHEDULERS)
    return field in WHEN_AND_WHERE and not isinstance(value, Mapping)


def not_installed(extra: Mapping[str, Any]) -> Iterable[Refused]:
    """Names that the vLLM that is installed does not have; nothing where there is none."""
    known = _fields() if extra else frozenset()
    for field, value in flat(extra).items() if known else ():
        name = field.partition(".")[0]
        if name not in known:
            near = difflib.get_close_matches(name, sorted(known - GOVERNED.keys()), 1, cutoff=0.0)
            yield Refused(
                f"{EXTRA}{field}",
                value,
                f"but {vllm_package()} has no setting of this name",
                f"The nearest is {near[0]}.",
            )


@cache
def _fields() -> frozenset[str]:
    """By the source: importing vLLM takes ten seconds."""
    classes = ("EngineArgs", "AsyncEngineArgs")
    return fields_in_source("vllm", "engine/arg_utils.py", classes)
