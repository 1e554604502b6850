"""The traits of an engine in records of before engines told them: from what vLLM was started with.

Only vLLM and the null engine answered then, so these are vLLM's names, as they were written. New
records have the traits themselves; nothing but the reader of records asks here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sut.config.engine_traits import NO_MODEL, UNQUANTISED, EngineTraits

Document = Mapping[str, Any]

TRAITS = "traits"
# Where each trait stood.
_PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "weights": (("arguments", "load_format"),),
    "dtype": (("arguments", "dtype"),),
    "quantization": (("arguments", "quantization"), ("details", "quantization")),
    "kv_cache_dtype": (("arguments", "kv_cache_dtype"),),
    "prefix_caching": (("arguments", "enable_prefix_caching"), ("details", "prefix_caching")),
    "speculative_decoding": (("details", "speculative_decoding"),),
    "greedy": (("sampling", "temperature"), ("sampling", "top_k")),
    "max_tokens": (("sampling", "max_tokens"),),
    "min_tokens": (("sampling", "min_tokens"),),
    "end_token_ids": (("sampling", "stop_token_ids"),),
}
# Parameters that leave greedy answers as they are, whatever their value.
_HARMLESS = frozenset(
    {"temperature", "top_k", "max_tokens", "min_tokens", "stop_token_ids", "detokenize"}
    | {"stream_interval", "seed", "output_kind", "skip_special_tokens"}
)
# Parameters that do so at these values only; null always does.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "top_p": (1, 1.0),
    "min_p": (0, 0.0),
    "n": (1,),
    "presence_penalty": (0, 0.0),
    "frequency_penalty": (0, 0.0),
    "repetition_penalty": (1, 1.0),
    "ignore_eos": (False,),
    "stop": ([], ""),
    "bad_words": ([],),
}
# vLLM takes 0 and -1 for no limit, which at temperature 0 is the most probable token as well.
_GREEDY_TOP_K = (None, 1, 0, -1)
# Arguments that are places, and details that no two starts have alike.
_FREE = ("model", "num_gpu_blocks")
_OF_MACHINE = ("block_size", "preloaded", "model_in_engine_process")


def with_traits(engine: Document) -> Document:
    """The `engine` of a session.json or a result with its traits, told or worked out.

    Raises:
        ValueError: what they are worked out of is none of the harness's.
    """
    if TRAITS in engine:
        return engine
    for name in ("arguments", "sampling", "details"):
        if not isinstance(engine.get(name) or {}, Mapping):
            raise ValueError(f"its {name} are no object")
    ends = (engine.get("sampling") or {}).get("stop_token_ids")
    if not isinstance(ends, list | tuple | None):
        raise ValueError("its stop_token_ids are no list")
    return {**engine, TRAITS: _traits(engine).model_dump()}


def places_of(engine: Document, trait: str) -> tuple[tuple[str, ...], ...]:
    """Where the `engine` of a session.json says a trait, as keys below it."""
    if TRAITS in engine:
        return ((TRAITS, trait),)
    if trait == "other_sampling":
        odd = _other_sampling(engine.get("sampling") or {})
        return tuple(("sampling", name) for name in odd) or (("sampling",),)
    if trait == "speculative_decoding":
        asked = tuple(("arguments", name) for name in _speculative(engine.get("arguments") or {}))
        return (*asked, *_PLACES[trait])
    return _PLACES.get(trait, (("arguments",),))


def _traits(engine: Document) -> EngineTraits:
    if engine.get("kind") == "null":
        return EngineTraits(weights=NO_MODEL, cards_per_replica=0)
    arguments, sampling, details = (
        engine.get(name) or {} for name in ("arguments", "sampling", "details")
    )
    loader, ends = arguments.get("load_format"), sampling.get("stop_token_ids")
    return EngineTraits(
        weights=None if loader is None else "random" if loader == "dummy" else "real",
        dtype=arguments.get("dtype"),
        quantization=_quantization(arguments, details),
        kv_cache_dtype=arguments.get("kv_cache_dtype"),
        prefix_caching=_both(arguments.get("enable_prefix_caching"), details.get("prefix_caching")),
        speculative_decoding=bool(_speculative(arguments)) or details.get("speculative_decoding"),
        greedy=_greedy(sampling),
        max_tokens=sampling.get("max_tokens"),
        min_tokens=sampling.get("min_tokens"),
        end_token_ids=None if ends is None else tuple(ends),
        other_sampling=tuple(_other_sampling(sampling)),
        context_tokens=arguments.get("max_model_len"),
        max_batch_sequences=arguments.get("max_num_seqs"),
        max_batch_tokens=arguments.get("max_num_batched_tokens"),
        free=_FREE,
        of_machine=_OF_MACHINE,
    )


def _quantization(arguments: Document, details: Document) -> str | None:
    """Its own word first: vLLM finds a checkpoint's quantisation whatever the argument says."""
    found: str | None = details.get("quantization") or arguments.get("quantization")
    return found or (UNQUANTISED if "quantization" in arguments else None)


def _both(*said: bool | None) -> bool | None:
    """True if either says so; False only if both do."""
    if any(said):
        return True
    return None if None in said else False


def _speculative(arguments: Document) -> list[str]:
    return [k for k, v in arguments.items() if "specul" in k and v not in (None, False, 0)]


def _greedy(sampling: Document) -> bool | None:
    temperature = sampling.get("temperature")
    if temperature is None:
        return None
    return bool(temperature == 0.0 and sampling.get("top_k") in _GREEDY_TOP_K)


def _other_sampling(sampling: Document) -> list[str]:
    return [
        name
        for name, value in sampling.items()
        if not (value is None or name in _HARMLESS or value in _NEUTRAL.get(name, ()))
    ]
