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
        graphs: set aside for captured graphs.
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


def plan_memory(
    shape: ModelShape,
    numbers: Numbers,
    *,
    card_bytes: float,
    share: float,
    max_num_seqs: int,
    max_num_batched_tokens: int,
    prompt_tokens: float,
    output_tokens: float,
    tensor_parallel: int = 1,
    weight_bytes: float | None = None,
    graphs: bool = True,
) -> MemoryPlan:
    """Lay out one card's memory.

    Args:
        shape: of the model.
        numbers: sizes of its elements.
        card_bytes: memory that the driver reports.
        share: vLLM's gpu_memory_utilization, 0 to 1.
        max_num_seqs: sequences in a step at most.
        max_num_batched_tokens: tokens in a step at most.
        prompt_tokens: mean over the data set.
        output_tokens: mean length of an answer; a query in flight has half of it.
        tensor_parallel: cards that share each matrix and each key.
        weight_bytes: of the checkpoint, where it is at hand.
        graphs: whether graphs are captured.
    """
    if weight_bytes is None:
        wide = shape.parameters - shape.block_parameters
        weight_bytes = shape.block_parameters * numbers.weight_bytes + wide * numbers.wide_bytes
    per_query = prompt_tokens + output_tokens / 2 + BLOCK_TOKENS / 2
    held = GRAPH_BYTES_PER_SEQUENCE_AND_LAYER * max_num_seqs * shape.layers if graphs else 0.0
    return MemoryPlan(
        card=card_bytes,
        granted=card_bytes * share,
        weights=weight_bytes / tensor_parallel,
        context=CONTEXT_BYTES,
        activations=_activations(
            shape, numbers, max_num_seqs, max_num_batched_tokens, tensor_parallel
        ),
        graphs=held,
        kv_bytes_per_token=shape.kv_bytes_per_token(numbers.kv_bytes) / tensor_parallel,
        tokens_per_query=per_query,
    )


def _activations(
    shape: ModelShape, numbers: Numbers, sequences: int, tokens: int, tensor_parallel: int
) -> float:
    """The largest of what lives at once.

    That is a block's MLP with its residuals and the logits in float32; or the head's matrix, which
    is there twice for a moment.
    """
    inside = 3 * shape.intermediate / tensor_parallel + 4 * shape.hidden
    step = tokens * inside * numbers.wide_bytes + sequences * shape.vocabulary * 4
    return max(step, shape.head_parameters * numbers.wide_bytes / tensor_parallel)
