"""How long one step of an engine takes: the model that is fitted, and that a simulation runs on.

A step computes one token of each sequence that decodes, and some tokens of prompts. It takes

    t(D, P) = base + decode * D + prefill * P        seconds

with D the sequences that decode in it and P the tokens of prompts. A query enters the engine's
queue `entry` seconds after LoadGen issued it. Nothing else is in the model: not how long a sequence
is already, not the KV cache's end, not what runs beside the engine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TERMS = ("base_s", "decode_s", "prefill_s", "entry_s")
"""The order of the columns of a fit."""


@dataclass(frozen=True)
class StepModel:
    """The four terms; none is below 0.

    Attributes:
        base_s: of each step.
        decode_s: of each sequence that decodes in it.
        prefill_s: of each prompt token in it.
        entry_s: from a query's issue until it is in the engine's queue.
    """

    base_s: float
    decode_s: float
    prefill_s: float
    entry_s: float = 0.0

    def step_s(self, decodes: int, prefill_tokens: int) -> float:
        """Seconds that a step takes, t(D, P)."""
        return self.base_s + self.decode_s * decodes + self.prefill_s * prefill_tokens

    @property
    def sentence(self) -> str:
        """For a person."""
        return (
            f"a step takes {1e3 * self.base_s:.4g} ms + {1e3 * self.decode_s:.4g} ms x sequences "
            f"that decode + {1e3 * self.prefill_s:.4g} ms x prompt tokens; a query is in the "
            f"queue {1e3 * self.entry_s:.4g} ms after its issue"
        )


@dataclass(frozen=True)
class BatchLimits:
    """What a scheduler may put into one step.

    Attributes:
        sequences: that run at once, at most (vLLM's max_num_seqs).
        tokens: of one step, at most (vLLM's max_num_batched_tokens).
        chunked: whether a prompt may be split over steps.
        prefill_cap: of one prompt in one step, tokens at most (vLLM's
            long_prefill_token_threshold); 0: none.
    """

    sequences: int
    tokens: int
    chunked: bool = True
    prefill_cap: int = 0
