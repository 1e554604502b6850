"""Which settings of the engine are searched, and with which values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from sut.config.keys import Setting, checked, require_known, show, value_of_text, values_of, varies
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.errors import ConfigError

VLLM = "engine.vllm."
# Settings that decide when something is worked out, how much at once and where: no value of theirs
# changes what a query is answered, but for the order in which sums are formed.
WHEN_AND_WHERE = frozenset(
    f"{VLLM}{name}"
    for name in (
        *("max_num_seqs", "max_num_batched_tokens", "enable_chunked_prefill", "async_scheduling"),
        *("gpu_memory_utilization", "cpu_kvcache_gib", "cpu_omp_threads_bind"),
        *("extra.long_prefill_token_threshold", "extra.block_size"),
    )
)
_BATCHES = (
    (f"{VLLM}max_num_seqs", (8, 16, 32, 64, 128, 256, 512)),
    (f"{VLLM}max_num_batched_tokens", (512, 1024, 2048, 4096, 8192, 16384)),
    (f"{VLLM}enable_chunked_prefill", (True, False)),
    (f"{VLLM}async_scheduling", (True, False)),
)
_CPU = ((f"{VLLM}dtype", ("bfloat16", "float32")),)
# By memory, by compilation, and by what the kernels are.
_CUDA = (
    (f"{VLLM}gpu_memory_utilization", (0.85, 0.9, 0.95)),
    (f"{VLLM}enforce_eager", (True, False)),
    (f"{VLLM}attention_backend", (None, "FLASH_ATTN", "FLASHINFER")),
    (f"{VLLM}kv_cache_dtype", ("auto", "fp8")),
)

Settings = dict[str, Any]
"""Dotted key → value, of every parameter of a space."""


@dataclass(frozen=True)
class Parameter:
    """One setting and its values; numbers in rising order."""

    key: str
    values: tuple[Any, ...]

    @property
    def ordered(self) -> bool:
        """Whether neighbours are alike: numbers, and none of them a yes or no."""
        return all(isinstance(v, int | float) and not isinstance(v, bool) for v in self.values)

    @property
    def answers(self) -> bool:
        """Whether it could change what is answered; of one that nobody looked at, yes."""
        return self.key not in WHEN_AND_WHERE


Space = tuple[Parameter, ...]


def space_of(config: RunConfig, given: Sequence[str] = ()) -> Space:
    """What is searched.

    Args:
        config: of one scenario, with the engine that answers it.
        given: `KEY=VALUE,VALUE`, in place of what the engine and the platform have.

    Raises:
        ConfigError: a key or value that is none, or an engine that nothing is known of.
    """
    wanted = [_given(each) for each in given] or list(_known(config))
    if not wanted:
        raise ConfigError(
            f"engine.kind is {config.engine.kind}, of which it is not known what to search.",
            where="engine.kind",
            remedy="Say it: --space engine.options.NAME=VALUE,VALUE.",
        )
    now = values_of(config)
    return tuple(_with_own(key, values, now.get(key)) for key, values in wanted)


def _known(config: RunConfig) -> Iterable[tuple[str, tuple[Any, ...]]]:
    if config.engine.kind != "vllm":
        return ()
    return (*_BATCHES, *(_CUDA if config.system.platform == "cuda" else _CPU))


def _given(text: str) -> tuple[str, tuple[Any, ...]]:
    key, equals, values = text.partition("=")
    key, origin = key.strip(), "--space"
    if not equals or not varies(key) or len(values.split(",")) < 2:
        raise ConfigError(
            f"{text} is no setting of the engine with two values or more.",
            where=origin,
            remedy="Give one, e.g. --space engine.vllm.max_num_seqs=64,128,256.",
        )
    require_known(Setting(key, values, origin))
    read = [value_of_text(key, each.strip(), origin) for each in values.split(",")]
    return key, tuple(checked(Setting(key, each, origin)) for each in read)


def _with_own(key: str, values: tuple[Any, ...], own: Any) -> Parameter:
    """The value that is set now is one of those searched."""
    every = values if own in values else (*values, own)
    parameter = Parameter(key, every)
    return Parameter(key, tuple(sorted(every))) if parameter.ordered else parameter


def settings_of(keys: Iterable[str], config: RunConfig) -> Settings:
    """What a configuration has for these keys."""
    now = values_of(config)
    return {key: now.get(key) for key in keys}


def every_setting(space: Space) -> Iterable[Settings]:
    """All combinations."""
    keys = [each.key for each in space]
    for values in product(*(each.values for each in space)):
        yield dict(zip(keys, values, strict=True))


def shown(settings: Settings) -> str:
    """Settings on one line."""
    return ", ".join(f"{key.rpartition('.')[2]} {show(value)}" for key, value in settings.items())


def flat_engine(config: RunConfig, scenario: Scenario) -> RunConfig:
    """The configuration with the engine of one scenario in every place, and no other."""
    return config.of(scenario).model_copy(update={"by_scenario": {}})
