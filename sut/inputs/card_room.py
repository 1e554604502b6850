"""Whether a model can lie on the card at all, asked before an engine loads it."""

from __future__ import annotations

from sut.capacity.memory import MemoryPlan, Settings, plan_memory
from sut.capacity.model_shape import ModelShape
from sut.capacity.numbers import numbers_of, quantised_to
from sut.capacity.workload import Workload
from sut.config.model_files import described
from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.inputs.inputs import Inputs
from sut.machine.devices import Gpu, gpus

GIB, MIB = 2**30, 2**20


def require_card_room(config: RunConfig, inputs: Inputs) -> None:
    """Refuse what no engine could start: weights and one longest query beyond the share it takes.

    What else lives on a card is an estimate, and no reason to refuse what a user has set. The
    settings of each engine start count, and the smallest card.

    Raises:
        ConfigError: it cannot fit, with what is there and what is needed.
    """
    model = described(inputs.model_path) or {}
    shape = ModelShape.of_config(model)
    told = [each for each in gpus() if each.memory_mib is not None] if shape else []
    if shape is None or not told or config.engine.elsewhere:
        return
    card = min(told, key=lambda each: each.memory_mib or 0)
    needed = inputs.longest_prompt + config.generation.max_tokens
    work = Workload(inputs.dataset.lengths.mean, config.generation.max_tokens)
    for served in config.engine_starts():
        planned = config.of(served[0]).engine.planned()
        numbers = numbers_of(planned.dtype, planned.kv_cache_dtype, quantised_to(model))
        if not planned.has_model or planned.card_memory_share is None or numbers is None:
            continue
        settings = Settings(
            share=planned.card_memory_share,
            sequences=planned.max_batch_sequences or 1,
            tokens=planned.max_batch_tokens or 1,
            tensor_parallel=planned.cards_per_replica or 1,
        )
        plan = plan_memory(shape, numbers, work, (card.memory_mib or 0) * MIB, settings)
        if plan.weights + needed * plan.kv_bytes_per_token > plan.granted:
            raise does_not_fit(config, plan, card, needed)


def does_not_fit(config: RunConfig, plan: MemoryPlan, gpu: Gpu, needed: int) -> ConfigError:
    """What is said of a model that leaves no room for the longest query, of `needed` tokens."""
    rest = (plan.context + plan.activations + plan.graphs) / GIB
    return ConfigError(
        f"{config.model.name} does not fit on {gpu.name}: of {plan.granted / GIB:.1f} GiB "
        f"{plan.weights / GIB:.1f} go to weights and {rest:.1f} to the engine, which leaves "
        f"a KV cache of {plan.kv_tokens} tokens, and the longest query has {needed}.",
        where="model.path",
        remedy="Share it over cards with --tensor-parallel-size 2, or take a quantised checkpoint.",
    )
