"""vLLM's settings: those that the harness has keys for, and any other by vLLM's own name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from pydantic import Field

from sut.config import vllm_extra, vllm_search
from sut.config.engine_traits import UNQUANTISED, EngineOptions, EngineTraits, Refused
from sut.config.quantities import Gibibytes, Parallel, Seed, TokenCount

# vLLM takes two names for these types, and tells one.
_OTHER_NAMES = {"half": "float16", "float": "float32"}


class VllmConfig(EngineOptions):
    """Arguments of vLLM's AsyncEngineArgs, each explicit (an embedded engine's defaults lie)."""

    dtype: str = Field("bfloat16", description="weights and activations")
    quantization: str | None = Field(None, description="vLLM's name of the quantisation, or null")
    kv_cache_dtype: str = Field("auto", description="KV cache element type")
    load_format: str = Field("auto", description="auto, safetensors, or dummy for random weights")
    max_model_len: TokenCount | None = Field(
        None, description="tokens; null: longest prompt of the data set + max_tokens"
    )
    max_num_seqs: TokenCount = Field(64, description="sequences in one step at most")
    max_num_batched_tokens: TokenCount = Field(4096, description="tokens in one step at most")
    gpu_memory_utilization: float = Field(0.9, gt=0, lt=1, description="share of GPU memory")
    enforce_eager: bool = Field(True, description="no graph capture, no compilation")
    enable_chunked_prefill: bool = Field(True, description="split long prompts over steps")
    async_scheduling: bool = Field(True, description="schedule ahead of the model")
    tensor_parallel_size: Parallel = Field(1, description="GPUs per replica (tensor)")
    pipeline_parallel_size: Parallel = Field(1, description="GPUs per replica (pipeline)")
    attention_backend: str | None = Field(None, description="vLLM's backend name; null: its choice")
    cpu_kvcache_gib: Gibibytes = Field(2, description="VLLM_CPU_KVCACHE_SPACE, GiB; CPU only")
    cpu_omp_threads_bind: str = Field(
        "auto", description="VLLM_CPU_OMP_THREADS_BIND; auto: every core this process may use"
    )
    seed: Seed = Field(42, description="engine seed (reference: 42)")
    extra: dict[str, Any] = Field(
        default_factory=dict, description="other fields of vLLM's AsyncEngineArgs, by its names"
    )

    decides = MappingProxyType(
        {
            "weights": "load_format",
            "dtype": "dtype",
            "quantization": "quantization",
            "kv_cache_dtype": "kv_cache_dtype",
            "context_tokens": "max_model_len",
            "max_batch_sequences": "max_num_seqs",
            "max_batch_tokens": "max_num_batched_tokens",
            "card_memory_share": "gpu_memory_utilization",
            "cache_gib": "cpu_kvcache_gib",
        }
    )

    leave_answers = vllm_search.LEAVE_ANSWERS

    def planned(self) -> EngineTraits:
        """What vLLM will tell with these settings, whatever the checkpoint makes of them."""
        chunked = "on" if self.enable_chunked_prefill else "off"
        return EngineTraits(
            weights="random" if self.load_format == "dummy" else "real",
            dtype=_OTHER_NAMES.get(self.dtype, self.dtype),
            quantization=self.quantization or UNQUANTISED,
            kv_cache_dtype=self.kv_cache_dtype,
            context_tokens=self.max_model_len,
            max_batch_sequences=self.max_num_seqs,
            max_batch_tokens=self.max_num_batched_tokens,
            batching=(
                "vLLM batches continuously: at each step the scheduler puts every running "
                "sequence, and prompt parts of waiting ones (chunked prefill: "
                f"{chunked}), into one batch of at most {self.max_num_batched_tokens} tokens and "
                f"{self.max_num_seqs} sequences."
            ),
            cards_per_replica=self.tensor_parallel_size * self.pipeline_parallel_size,
            card_memory_share=self.gpu_memory_utilization,
            cache_gib=self.cpu_kvcache_gib,
        )

    def refused(self, *, strict: bool) -> Iterable[Refused]:
        """Names of `extra` that are the harness's, and, if strict, those not known to be safe."""
        yield from vllm_extra.refused(self.extra, strict=strict)

    def not_installed(self) -> Iterable[Refused]:
        """Names of `extra` that vLLM does not have, as it is installed here."""
        yield from vllm_extra.not_installed(self.extra)

    def prompt_part(self) -> tuple[bool, int]:
        """As vLLM's scheduler splits a prompt; a threshold of 0 splits it at the whole step."""
        return self.enable_chunked_prefill, int(self.extra.get(vllm_extra.PROMPT_PART) or 0)

    def tuned(self) -> Mapping[str, Any]:
        """All of `extra`, those in a mapping with the mapping's name and a dot before theirs."""
        return vllm_extra.flat(self.extra)

    def searched(self, platform: str) -> vllm_search.Values:
        """Batch sizes, and what a platform has beside them."""
        return vllm_search.searched(platform)
