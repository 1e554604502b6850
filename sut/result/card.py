"""A run beside what its cards can do at most, and the KV cache as planned beside the one told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sut.capacity.cards import Card, card_named
from sut.capacity.memory import MemoryPlan, Settings, plan_memory
from sut.capacity.numbers import Numbers, numbers_of
from sut.capacity.roofline import Roofline, roofline
from sut.capacity.workload import Workload
from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.record.facts import EngineFacts, GpuFacts, LedgerFacts, SessionFacts
from sut.record.nodes import nodes
from sut.result.schema import CardLimit, KvCache
from sut.rules.evidence import Evidence

MIB = 2**20


def kv_cache(config: RunConfig, session: SessionFacts) -> KvCache | None:
    """Planned from the card and the settings, and as the engine told it; None without a card."""
    engine, gpu = session.engine, _gpu(session)
    if engine is None or gpu is None:
        return None
    work = Workload(session.dataset.prompt_tokens_mean, config.generation.max_tokens)
    plan = _plan(config, engine, gpu, work)
    if plan is None:
        return None
    each = [_told_tokens(place["told"]) for place in _places(engine)]
    of_all = each or [_told_tokens(engine.details)]
    told = None if None in of_all else min(tokens for tokens in of_all if tokens is not None)
    return KvCache(
        planned_tokens=plan.kv_tokens,
        told_tokens=told,
        told_by_replica=each,
        told_over_planned=None if told is None or not plan.kv_tokens else told / plan.kv_tokens,
        queries_at_once=plan.queries,
    )


def card_limit(
    evidence: Evidence,
    counts: LedgerFacts,
    samples_per_s: float | None,
    output_tokens: float | None,
) -> CardLimit | None:
    """The roofline of one run's cards; None where card, model or lengths are not known.

    Args:
        evidence: of the run.
        counts: its counts; prompts asked and their tokens.
        samples_per_s: the run's rate; None: it measured none.
        output_tokens: mean length of an answer; None: there is none.
    """
    config, session = evidence.config, evidence.session
    engine, gpu = session.engine, _gpu(session)
    if engine is None or gpu is None or not counts.issued or not output_tokens:
        return None
    traits = _traits(config, engine)
    card, numbers = card_named(gpu.name), _numbers(engine, traits)
    work = Workload(counts.tokens_in / counts.issued, output_tokens)
    plan = _plan(config, engine, gpu, work)
    if card is None or numbers is None or engine.model_shape is None or plan is None:
        return None
    if traits.cards_per_replica != 1:
        return None  # what several cards lose to each other no printed figure tells
    batch = min(plan.queries, traits.max_batch_sequences or plan.queries)
    if evidence.scenario is Scenario.SINGLE_STREAM:
        batch = 1  # LoadGen asks the next query when the last is answered
    found = roofline(engine.model_shape, numbers, card, work, batch)
    return None if found is None else _limit(card, engine.replicas, work, found, samples_per_s)


def _traits(config: RunConfig, engine: EngineFacts) -> EngineTraits:
    return engine.traits.over(config.engine.planned())


def _limit(
    card: Card, cards: int, work: Workload, found: Roofline, samples_per_s: float | None
) -> CardLimit:
    each = None if samples_per_s is None else samples_per_s / cards
    return CardLimit(
        card=card.name,
        cards=cards,
        prompt_tokens=work.prompt_tokens,
        output_tokens=work.output_tokens,
        batch=found.batch,
        samples_per_s_in_series=cards * found.series_qps,
        samples_per_s_overlapped=cards * found.overlapped_qps,
        binding=found.binding,
        least_tpot_ms=found.step_s(found.batch) * 1e3,
        reached=None if each is None else each / found.series_qps,
        mfu=None if each is None else found.mfu(each),
        mbu=None if each is None else found.mbu(each),
    )


def _gpu(session: SessionFacts) -> GpuFacts | None:
    """The card that answered; None without one, and where they are not all alike."""
    found = [gpu for node in nodes(session.hardware, session.engine) for gpu in node.gpus]
    alike = len({(gpu.name, gpu.memory_mib) for gpu in found}) == 1
    return found[0] if alike else None


def _numbers(engine: EngineFacts, traits: EngineTraits) -> Numbers | None:
    if traits.quantised_as is not None and engine.quantised_to is None:
        return None
    return numbers_of(traits.dtype, traits.kv_cache_dtype, engine.quantised_to)


def _plan(
    config: RunConfig, engine: EngineFacts, gpu: GpuFacts, work: Workload
) -> MemoryPlan | None:
    traits = _traits(config, engine)
    numbers = _numbers(engine, traits)
    if (
        engine.model_shape is None
        or numbers is None
        or gpu.memory_mib is None
        or traits.card_memory_share is None
        or traits.max_batch_sequences is None
        or traits.max_batch_tokens is None
        or not traits.cards_per_replica
    ):
        return None
    return plan_memory(
        engine.model_shape,
        numbers,
        work,
        gpu.memory_mib * MIB,
        Settings(
            traits.card_memory_share,
            traits.max_batch_sequences,
            traits.max_batch_tokens,
            tensor_parallel=traits.cards_per_replica,
        ),
    )


def _places(engine: EngineFacts) -> list[dict[str, Any]]:
    """The replicas on Ray that have words of their own; earlier sessions have those of one."""
    return [place for place in engine.details.get("replicas", ()) if "told" in place]


def _told_tokens(details: Mapping[str, Any]) -> int | None:
    blocks, size = (details.get(name) for name in ("num_gpu_blocks", "block_size"))
    return blocks * size if isinstance(blocks, int) and isinstance(size, int) else None
