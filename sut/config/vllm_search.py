"""Which of vLLM's settings a search tries, and with which values: data for `sut tune`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

Values = Mapping[str, tuple[Any, ...]]

_BATCHES: Values = MappingProxyType(
    {
        "max_num_seqs": (8, 16, 32, 64, 128, 256, 512),
        "max_num_batched_tokens": (512, 1024, 2048, 4096, 8192, 16384),
        "enable_chunked_prefill": (True, False),
        "async_scheduling": (True, False),
    }
)
_CPU: Values = MappingProxyType({"dtype": ("bfloat16", "float32")})
# By memory, by compilation, and by what the kernels are.
_CUDA: Values = MappingProxyType(
    {
        "gpu_memory_utilization": (0.85, 0.9, 0.95),
        "enforce_eager": (True, False),
        "attention_backend": (None, "FLASH_ATTN", "FLASHINFER"),
        "kv_cache_dtype": ("auto", "fp8"),
    }
)
LEAVE_ANSWERS = frozenset(
    (
        *_BATCHES,
        *("gpu_memory_utilization", "cpu_kvcache_gib", "cpu_omp_threads_bind"),
        *("extra.long_prefill_token_threshold", "extra.block_size"),
    )
)
"""Settings that decide when something is worked out, how much at once and where: no value of theirs
changes what a query is answered, but for the order in which sums are formed."""


def searched(platform: str) -> Values:
    """A setting → its values; numbers in rising order.

    Args:
        platform: cpu or cuda.
    """
    return MappingProxyType({**_BATCHES, **(_CUDA if platform == "cuda" else _CPU)})
