"""Rates and sizes from what the card can hold and do: for systems that say `fitted`.

A first run on any card should be VALID. So Offline is given more samples than the card can answer
in the minimum duration, and Server a rate far below what it could. What a user sets, and what the
system's own file sets, stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sut.capacity.cards import Card, card_named
from sut.capacity.expected import expected_qps, expected_tpot_s
from sut.capacity.memory import MemoryPlan, Settings, plan_memory
from sut.capacity.model_shape import ModelShape
from sut.capacity.numbers import Numbers, numbers_of, quantised_to
from sut.capacity.roofline import Roofline, roofline
from sut.capacity.workload import Workload
from sut.config.engine_traits import EngineTraits
from sut.config.keys import BY_SCENARIO, Setting, everywhere, values_of
from sut.config.model_files import described
from sut.config.names import Scenario
from sut.config.scenario_sections import ServerConfig
from sut.config.schema import RunConfig
from sut.config.sources import Loaded, resolved, shipped
from sut.errors import ConfigError
from sut.inputs.card_room import does_not_fit
from sut.inputs.inputs import Inputs
from sut.machine.devices import Gpu, gpus
from sut.plan.rate import FITTED

MIB = 2**20
# Of the estimate for Offline, the first whose tokens are expected in time; percentiles need room.
SHARES = (0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05)
IN_TIME = 0.8
# A step that holds prompts delays every answer in it. It may take half of what a token may.
STEP_SHARE = 0.5
# No answer has a limit in Offline; with one query at a time none is delayed by another's prompt.
UNLIMITED_STEP_S = 0.2
STEP_TOKENS_MIN, STEP_TOKENS_MAX = 256, 8192
# Some of what the KV cache holds is kept for queries longer than the mean.
KEPT = 0.9
STOOD_IN_FOR = EngineTraits(
    dtype="bfloat16", kv_cache_dtype="auto", cards_per_replica=1, card_memory_share=0.92
)
SEQUENCES = (*range(512, 0, -8), 4, 2, 1)
# Latency that the quick profile grants, in times of what an idle card would take.
PATIENCE, WHOLE_MS = 4, 500


@dataclass(frozen=True)
class Fit:
    """What a card leaves to choose.

    Attributes:
        plan: its memory, at the sizes chosen.
        sizes: keys of the engine and their values, those for one scenario by its own key.
        limit: its roofline; None where the card's figures are not known.
    """

    plan: MemoryPlan
    sizes: Mapping[str, int]
    limit: Roofline | None


def fitted(loaded: Loaded, inputs: Inputs) -> Loaded:
    """The configuration with the rates and sizes that fit the card; others stay as they are.

    Args:
        loaded: as resolved.
        inputs: data set and model; their lengths and sizes decide.

    Raises:
        ConfigError: a system that is fitted to its card, and no card whose memory is told; or the
            model does not fit.
    """
    config = loaded.config
    if not config.system.fitted:
        return loaded
    found_here = gpus()
    gpu = next((each for each in found_here if each.memory_mib is not None), None)
    if gpu is None:
        raise ConfigError(
            f"system {config.system.name} is fitted to the card at hand, and no card tells its "
            "memory here.",
            where=loaded.origins["system.name"],
            remedy="Name a system whose file sets every rate, e.g. --system a30-bf16.",
        )
    model = described(inputs.model_path) or {}
    shape = ModelShape.of_config(model)
    planned = _planned(config)
    numbers = numbers_of(planned.dtype, planned.kv_cache_dtype, quantised_to(model))
    if shape is None or numbers is None:
        return loaded
    work = Workload(inputs.dataset.lengths.mean, config.generation.max_tokens)
    found = fit(config, shape, numbers, work, gpu)
    needed = inputs.longest_prompt + config.generation.max_tokens
    if found.plan.kv_tokens < needed:
        raise does_not_fit(config, found.plan, gpu, needed)
    values = _values(config, found, cards=len(found_here))
    return _with(loaded, values, f"{FITTED}{gpu.name}")


def _planned(config: RunConfig) -> EngineTraits:
    """What the engine will be; one without a model stands in for one in the reference's type."""
    return config.engine.planned().over(STOOD_IN_FOR)


def fit(config: RunConfig, shape: ModelShape, numbers: Numbers, work: Workload, gpu: Gpu) -> Fit:
    """Sizes that the card's memory holds, and its roofline with them.

    Args:
        config: share of memory, cards that share a model, scenarios.
        shape: of the model.
        numbers: sizes of its elements.
        work: mean lengths of the data set.
        gpu: the card; its memory is told.
    """
    card, planned = card_named(gpu.name), _planned(config)
    steps = {each: _step_tokens(config, each, shape, numbers, card) for each in config.scenarios}
    tokens = max(steps.values())  # the largest step decides the memory
    for sequences in SEQUENCES:
        settings = Settings(
            share=planned.card_memory_share or 0,
            sequences=sequences,
            tokens=tokens,
            tensor_parallel=planned.cards_per_replica or 1,
        )
        plan = plan_memory(shape, numbers, work, (gpu.memory_mib or 0) * MIB, settings)
        if plan.queries * KEPT >= sequences:
            break
    limit = None if card is None else roofline(shape, numbers, card, work, sequences)
    return Fit(plan, _sizes(config, sequences, tokens, steps), limit)


def _sizes(
    config: RunConfig, sequences: int, tokens: int, steps: Mapping[Scenario, int]
) -> dict[str, int]:
    """By their keys; a scenario whose steps are smaller than the largest has a key of its own."""
    found: dict[str, int] = {}
    if (key := config.engine.key_of("max_batch_sequences")) is not None:
        found[key] = sequences
    if (key := config.engine.key_of("max_batch_tokens")) is not None:
        found[key] = tokens
        found |= {
            f"{BY_SCENARIO}{scenario.value}.{key}": max(size, sequences)
            for scenario, size in steps.items()
            if size < tokens
        }
    return found


def _step_tokens(
    config: RunConfig,
    scenario: Scenario,
    shape: ModelShape,
    numbers: Numbers,
    card: Card | None,
) -> int:
    """The largest power of two that a step of a scenario may read."""
    section = config.section(scenario)
    limit_ms = section.tpot_limit_ms if isinstance(section, ServerConfig) else None
    step_s = UNLIMITED_STEP_S if limit_ms is None else STEP_SHARE * limit_ms / 1e3
    rate = None if card is None else card.operations_per_s(numbers.multiplied_in)
    most = step_s * rate / (2 * shape.block_parameters) if rate else 4 * STEP_TOKENS_MIN
    tokens = STEP_TOKENS_MIN
    while 2 * tokens <= min(most, STEP_TOKENS_MAX):
        tokens *= 2
    return tokens


def _values(config: RunConfig, found: Fit, *, cards: int) -> dict[str, Any]:
    """Key → value, for all that the card's figures decide; `cards`: that are here."""
    if found.limit is None:
        return dict(found.sizes)
    limit, replicas = found.limit, config.engine.replicas
    used = cards if replicas == "all" else replicas or 1
    alone_s = limit.prefill_s + limit.steps * limit.step_s(limit.batch)
    patience_ms = -(-PATIENCE * alone_s * 1e3 // WHOLE_MS) * WHOLE_MS
    values: dict[str, Any] = dict(found.sizes) | {
        "offline.target_qps": _round(limit.series_qps * used)
    }
    for name, rules in (("server", config.server), ("interactive", config.interactive)):
        values[f"{name}.target_qps"] = _round(_in_time(limit, rules.tpot_limit_ms) * used)
    if config.profile == "quick":
        values |= {
            f"{name}.e2e_p99_limit_ms": int(patience_ms) for name in ("server", "interactive")
        }
    return values


def _in_time(limit: Roofline, tpot_limit_ms: float) -> float:
    """The highest of a few rates of one card at which tokens are expected well within the limit."""
    rates = [share * expected_qps(limit) for share in SHARES]
    in_time = IN_TIME * tpot_limit_ms / 1e3
    return next((each for each in rates if expected_tpot_s(limit, each) <= in_time), rates[-1])


def _round(rate: float) -> float:
    """Two digits: what follows from printed figures has no more."""
    return float(f"{rate:.2g}")


def _with(loaded: Loaded, values: Mapping[str, Any], origin: str) -> Loaded:
    """The configuration with these values where neither a user nor the system's file set one."""
    own = f"user_confs/systems/{loaded.config.system.name}.yaml"
    winners = {
        key: Setting(key, value, loaded.origins.get(key, "default"))
        for key, value in values_of(loaded.config).items()
    }
    origins = dict(loaded.origins)
    for key, value in values.items():
        given = loaded.origins.get(key) or loaded.origins.get(everywhere(key), "default")
        if given == "default" or (shipped(given) and not given.startswith(own)):
            winners[key] = Setting(key, value, origin)
            origins[key] = origin
    return resolved(winners, origins, loaded.notes)
