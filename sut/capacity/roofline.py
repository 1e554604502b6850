"""The most that a card can do for a data set: prompts bound by compute, answers by bandwidth.

S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for
multicore architectures", CACM 52(4), 2009, applied to the two phases of a query. Nothing is lost to
launches, waiting or an uneven batch, so no engine reaches it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sut.capacity.cards import Card
from sut.capacity.model_shape import ModelShape
from sut.capacity.numbers import Numbers
from sut.capacity.workload import Workload

Binding = Literal["prefill by compute", "decode by bandwidth"]


@dataclass(frozen=True)
class Roofline:
    """Times of one card, and what follows.

    Attributes:
        batch: queries that decode together.
        steps: decode steps of an answer; the prompt's pass makes the first token.
        prefill_s: operations of one prompt over the card's matrix rate.
        weights_s: one pass over the matrices, by bandwidth.
        keys_s: one query's keys and values at half of its answer, by bandwidth.
        prefill_flop: operations of a prompt.
        decode_flop: operations of an answer.
        operations_per_s: the card's matrix rate.
    """

    batch: int
    steps: float
    prefill_s: float
    weights_s: float
    keys_s: float
    prefill_flop: float
    decode_flop: float
    operations_per_s: float

    def step_s(self, batch: float) -> float:
        """One decode step of so many queries: the least TPOT."""
        return self.weights_s + batch * self.keys_s

    @property
    def decode_s(self) -> float:
        """One query's share of the steps of the batch."""
        return self.steps * self.step_s(self.batch) / self.batch

    @property
    def series_qps(self) -> float:
        """Samples/s where a step either reads prompts or decodes."""
        return 1 / (self.prefill_s + self.decode_s)

    @property
    def overlapped_qps(self) -> float:
        """Samples/s where decoding hides wholly behind prompts or the reverse."""
        return 1 / max(self.prefill_s, self.decode_s)

    @property
    def binding(self) -> Binding:
        """The phase that takes longer."""
        return "prefill by compute" if self.prefill_s > self.decode_s else "decode by bandwidth"

    def mfu(self, samples_per_s: float) -> float:
        """Share of the matrix rate that a measured rate used, 0 to 1 (model FLOPs utilisation)."""
        return samples_per_s * (self.prefill_flop + self.decode_flop) / self.operations_per_s

    def mbu(self, samples_per_s: float) -> float:
        """Share of the bandwidth that decoding used at a measured rate and the plan's batch."""
        return samples_per_s * self.decode_s


def roofline(
    shape: ModelShape, numbers: Numbers, card: Card, work: Workload, batch: int
) -> Roofline | None:
    """The roofline of one card; None where the card's figures do not suffice.

    Args:
        shape: of the model.
        numbers: sizes of its elements, and what they are multiplied in.
        card: its printed figures.
        work: mean lengths.
        batch: queries that decode together, at least 1.
    """
    rate = card.operations_per_s(numbers.multiplied_in)
    if rate is None or card.bandwidth_gbs is None or batch < 1:
        return None
    bandwidth = card.bandwidth_gbs * 1e9
    context = work.prompt_tokens + work.output_tokens / 2
    read = (
        shape.block_parameters * numbers.weight_bytes + shape.head_parameters * numbers.wide_bytes
    )
    steps = max(0.0, work.output_tokens - 1)
    prefill_flop = shape.prefill_flop(work.prompt_tokens)
    return Roofline(
        batch=batch,
        steps=steps,
        prefill_s=prefill_flop / rate,
        weights_s=read / bandwidth,
        keys_s=context * shape.kv_bytes_per_token(numbers.kv_bytes) / bandwidth,
        prefill_flop=prefill_flop,
        decode_flop=steps * shape.decode_flop(context),
        operations_per_s=rate,
    )
