"""What fits on a card: weights, activations, graphs, and the KV cache that is left.

The three amounts beside weights and cache are vLLM 0.32.0's own, as it reported them on an H200 for
the 8B shape in bf16 (docs/measurements/2026-11-27-h200): at 8,192 tokens and 256 sequences, and at
2,048 and 40. Each is a formula in the model's sizes that meets both within 5 %. On other cards and
models they are an estimate.
"""

from __future__ import annotations

from dataclasses import dataclass

from sut.capacity.model_shape import ModelShape
from sut.capacity.numbers import Numbers
from sut.capacity.workload import Workload

GIB = 2**30
# CUDA's context and what else is not torch's: 0.28 and 0.41 GiB.
CONTEXT_BYTES = 0.41 * GIB
# vLLM sets aside 0.14 GiB for graphs at 40 sequences and 0.76 at 256, over 32 layers.
GRAPH_BYTES_PER_SEQUENCE_AND_LAYER = 3.05 * 2**20 / 32
# Tokens of one block of vLLM's KV cache; the last block of a query is half empty on average.
BLOCK_TOKENS = 16


@dataclass(frozen=True)
class MemoryPlan:
    """Where a card's memory goes, bytes, before anything loads.

    Attributes:
        card: all that the card has.
        granted: the share that the engine takes.
        weights: matrices of one card.
        context: CUDA's own.
        activations: at the largest step.
        graphs: set aside for captured graphs, captured or not.
        kv_bytes_per_token: of one token, on one card.
        tokens_per_query: that a query in flight holds, on average.
    """

    card: float
    granted: float
    weights: float
    context: float
    activations: float
    graphs: float
    kv_bytes_per_token: float
    tokens_per_query: float

    @property
    def kv_cache(self) -> float:
        """Bytes left for the KV cache; below 0: the rest does not fit."""
        used = self.weights + self.context + self.activations + self.graphs
        return self.granted - used

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds."""
        return max(0, int(self.kv_cache // self.kv_bytes_per_token))

    @property
    def queries(self) -> int:
        """Queries of average length that the KV cache holds at once."""
        return int(self.kv_tokens // self.tokens_per_query)


@dataclass(frozen=True)
class Settings:
    """What an engine is told about memory.

    Attributes:
        share: of the card's memory that it takes (vLLM's gpu_memory_utilization), 0 to 1.
        sequences: in one step at most.
        tokens: in one step at most.
        tensor_parallel: cards that share each matrix and each key.
    """

    share: float
    sequences: int
    tokens: int
    tensor_parallel: int = 1


def plan_memory(
    shape: ModelShape, numbers: Numbers, work: Workload, card_bytes: float, settings: Settings
) -> MemoryPlan:
    """Lay out one card's memory.

    Args:
        shape: of the model.
        numbers: sizes of its elements.
        work: mean lengths; a query in flight has half of its answer.
        card_bytes: memory that the driver reports.
        settings: the engine's.
    """
    wide = shape.parameters - shape.block_parameters
    weights = shape.block_parameters * numbers.weight_bytes + wide * numbers.wide_bytes
    graphs = GRAPH_BYTES_PER_SEQUENCE_AND_LAYER * settings.sequences * shape.layers
    parts = settings.tensor_parallel
    return MemoryPlan(
        card=card_bytes,
        granted=card_bytes * settings.share,
        weights=weights / parts,
        context=CONTEXT_BYTES,
        activations=_activations(shape, numbers, settings),
        graphs=graphs,
        kv_bytes_per_token=shape.kv_bytes_per_token(numbers.kv_bytes) / parts,
        tokens_per_query=work.prompt_tokens + work.output_tokens / 2 + BLOCK_TOKENS / 2,
    )


def _activations(shape: ModelShape, numbers: Numbers, settings: Settings) -> float:
    """The largest of what lives at once.

    That is a block's MLP with its residuals and the logits in float32; or the head's matrix, which
    is there twice for a moment.
    """
    parts, wide = settings.tensor_parallel, numbers.wide_bytes
    inside = 3 * shape.intermediate / parts + 4 * shape.hidden
    step = settings.tokens * inside * wide + settings.sequences * shape.vocabulary * 4
    return max(step, shape.head_parameters * wide / parts)
