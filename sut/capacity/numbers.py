"""How weights, activations and keys are stored: bytes an element, and what multiplies them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}
# Narrow types of the KV cache by vLLM's names, and by torch's.
_KV_BYTES = {
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "int8_per_token_head": 1.0,
    "int8": 1.0,
    "float8_e4m3fn": 1.0,
    "float8_e5m2": 1.0,
}


@dataclass(frozen=True)
class Numbers:
    """Element sizes of one engine.

    Attributes:
        weight_bytes: of an element of the blocks' matrices; the head stays as published.
        wide_bytes: of an element that is not quantised.
        kv_bytes: of an element of the KV cache.
        multiplied_in: type whose matrix rate holds: bfloat16, fp8 or int8.
    """

    weight_bytes: float
    wide_bytes: float
    kv_bytes: float
    multiplied_in: str


def numbers_of(
    dtype: str | None, kv_cache_dtype: str | None, weights: str | None = None
) -> Numbers | None:
    """The sizes that an engine's types make; None for a type that is not known here.

    Args:
        dtype: of what is not quantised.
        kv_cache_dtype: by vLLM's name; auto follows `dtype`.
        weights: what a quantised checkpoint holds: w8a8, w4a16 or fp8; None: as published.
    """
    wide = _BYTES.get(dtype or "")
    named = dtype if kv_cache_dtype == "auto" else kv_cache_dtype
    kv = _BYTES.get(named or "") or _KV_BYTES.get(named or "")
    if dtype is None or wide is None or kv is None:
        return None
    if weights is None:
        return Numbers(wide, wide, kv, dtype)
    # A scale for each group of 128 elements, 2 bytes, is what W4A16 adds.
    size, rate = {
        "w8a8": (1.0, "int8"),
        "fp8": (1.0, "fp8"),
        "w4a16": (0.5 + 2 / 128, dtype),
    }.get(weights, (None, None))
    return None if size is None or rate is None else Numbers(size, wide, kv, rate)


def quantised_to(config: Mapping[str, Any]) -> str | None:
    """What a checkpoint's config.json says its blocks hold: w8a8, w4a16 or fp8.

    None where it says nothing, and for a form that is not known here. The keys are those of
    compressed-tensors (llm-compressor) and of transformers' `quant_method`.
    """
    found = config.get("quantization_config")
    if not isinstance(found, Mapping):
        return None
    if found.get("quant_method") == "fp8":
        return "fp8"
    groups = found.get("config_groups")
    group = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
    weights = group.get("weights") if isinstance(group, Mapping) else None
    if not isinstance(group, Mapping) or not isinstance(weights, Mapping):
        return None
    alone = group.get("input_activations") is None
    said = f"{weights.get('type')}{weights.get('num_bits')}{' alone' if alone else ''}"
    return {"int8": "w8a8", "int4 alone": "w4a16", "float8": "fp8"}.get(said)
