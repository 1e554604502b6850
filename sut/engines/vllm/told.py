"""What vLLM tells of itself once it is ready: the traits, and the rest in vLLM's own words.

Nothing here is taken from what we asked for. It is the word of the engine's core and of its workers
(`sut.engines.vllm.own_word`); where two of them differ, the word that is against a rule counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sut.config.engine_traits import UNQUANTISED, EngineTraits
from sut.config.vllm_options import VllmConfig
from sut.engines.base import EngineInfo
from sut.engines.vllm.own_word import differences
from sut.errors import EngineStartError
from sut.machine.hardware import vllm_package
from sut.machine.variables import Variable

Word = Mapping[str, Any]

# What the harness asks of every query (`sut.engines.vllm.args`); all else would change answers.
_ASKED = {"temperature", "max_tokens", "min_tokens", "stop_token_ids", "detokenize"}
# A place, and what no two starts have alike.
FREE = ("model", "num_gpu_blocks")
DUMMY = "dummy"
_PARTS = ("scheduler", "workers")
# KV caches of these types have elements of the type they are called by, or that the model has.
_WIDE = ("auto", "bfloat16", "float16", "float32", "half", "float")
_NARROW = ("int8", "uint8", "int32", "float8_e4m3fn", "float8_e5m2", "float4_e2m1fn_x2")


def told(
    here: Word,
    core: Word,
    options: VllmConfig,
    *,
    arguments: Mapping[str, Any],
    sampling: Mapping[str, Any],
    of_machine: Mapping[str, Any],
    reached_by: Sequence[Variable],
    on_cards: bool,
) -> EngineInfo:
    """What a started engine says.

    Args:
        here: vLLM's configuration as our process shows it.
        core: what the core says, `own_word.word_of_core`.
        options: what was asked for; documents take from it what no engine tells.
        arguments: those it was started with.
        sampling: parameters of every query, `own_word.word_of_sampling`.
        of_machine: what was found out about this machine.
        reached_by: the variables in the core's environment.
        on_cards: whether it runs on accelerator cards.

    Raises:
        EngineStartError: the core has other weights than it was given.
    """
    config = core["config"]
    _refuse_other_weights(arguments["model"], config["model"])
    found = {**of_machine, "block_size": config["block_size"]}
    return EngineInfo(
        kind="vllm",
        replicas=1,
        arguments=dict(arguments),
        sampling=dict(sampling),
        traits=_traits(core, options, sampling, found, on_cards),
        model_path=config["model"],
        details=_details(here, core) | found,
        variables=list(reached_by),
    )


def _details(here: Word, core: Word) -> dict[str, Any]:
    """The core's own words."""
    config: Word = core["config"]
    differing = differences(here, config)
    return {**config, **{n: core[n] for n in _PARTS}, "otherwise_in_core": differing}


def _refuse_other_weights(asked: str, loaded: str) -> None:
    if Path(asked).resolve() != Path(loaded).resolve():
        raise EngineStartError(
            f"vLLM loaded {loaded}, not {asked}.",
            remedy="Take VLLM_MODEL_REDIRECT_PATH out of the environment.",
        )


def _traits(
    core: Word,
    options: VllmConfig,
    sampling: Mapping[str, Any],
    of_machine: Mapping[str, Any],
    on_cards: bool,
) -> EngineTraits:
    """What was planned, with what is in force in place of what was asked for."""
    config, scheduler, workers = core["config"], core["scheduler"], core["workers"]
    planned = options.model_copy(
        update={
            name: config[name]
            for name in ("max_num_seqs", "max_num_batched_tokens", "enable_chunked_prefill")
        }
    ).planned()
    return planned.model_copy(
        update={
            "package": vllm_package(),
            "weights": "random" if config["load_format"] == DUMMY else "real",
            **_numerics(config, workers),
            "prefix_caching": _reuses(config, scheduler),
            "speculative_decoding": _guesses(config, scheduler, workers),
            "greedy": sampling["temperature"] == 0.0,
            "max_tokens": sampling["max_tokens"],
            "min_tokens": sampling["min_tokens"],
            "end_token_ids": tuple(sampling["stop_token_ids"]),
            "other_sampling": tuple(sorted(sampling.keys() - _ASKED)),
            "context_tokens": scheduler["max_model_len"],
            "max_batch_sequences": scheduler["max_num_seqs"],
            "max_batch_tokens": scheduler["max_num_batched_tokens"],
            "cards_per_replica": planned.cards_per_replica if on_cards else 0,
            "free": FREE,
            "of_machine": tuple(of_machine),
        }
    )


def _reuses(config: Word, scheduler: Word) -> bool:
    """Whether one query's keys and values can reach another, from this memory or from elsewhere."""
    own = config["prefix_caching"] or scheduler["prefix_caching"]
    return bool(own or config["kv_transfer"] or scheduler["kv_connector"])


def _guesses(config: Word, scheduler: Word, workers: Iterable[Word]) -> bool:
    by_worker = any(worker["guesser"] for worker in workers)
    return bool(config["speculative_decoding"] or scheduler["guessed_tokens"] or by_worker)


def _numerics(config: Word, workers: Iterable[Word]) -> dict[str, Any]:
    """Types as the configuration names them, unless the tensors are plainly of others."""
    dtype, named, cache = config["dtype"], config["quantization"], config["kv_cache_dtype"]
    most = _most(worker["parameter_bytes"] for worker in workers)
    if named is None and most is not None and most != dtype:
        # Weights whose quantisation nobody names are not "as they were published".
        named = f"unnamed ({most})" if most in _NARROW else None
        dtype = dtype if named else most
    held = {each for worker in workers for each in worker["kv_cache_dtypes"]}
    return {
        "dtype": dtype,
        "quantization": named or UNQUANTISED,
        "kv_cache_dtype": ",".join(sorted(held)) if held and cache in _WIDE else cache,
    }


def _most(parts: Iterable[Mapping[str, int]]) -> str | None:
    """The type that most bytes of the parameters have, over all workers; None if none told."""
    total: dict[str, int] = {}
    for part in parts:
        for name, size in part.items():
            total[name] = total.get(name, 0) + size
    return max(total, key=total.__getitem__, default=None)
