"""What a good engine is likely to reach of a roofline: a rule of thumb for the first run on a card.

The two shares were chosen so that they meet what is known in BF16: 3.40 samples/s and 21.96 ms a
token for one stream on an A30 (elsewhere, vLLM 0.10), 35.4 samples/s on an H200 (docs/capacity.md).
"""

from __future__ import annotations

from sut.capacity.roofline import Roofline

PREFILL_SHARE, DECODE_SHARE = 0.45, 0.73


def expected_qps(limit: Roofline) -> float:
    """Samples/s of Offline on one card."""
    return 1 / (limit.prefill_s / PREFILL_SHARE + limit.decode_s / DECODE_SHARE)


def expected_tpot_s(limit: Roofline, queries_per_s: float) -> float:
    """Mean time per output token at a rate of Server queries.

    A step reads the weights and the keys of the queries in flight; prompts that come meanwhile
    stretch it. How many are in flight follows from the rate and their time (Little's law). It is
    infinite at a rate that prompts alone fill.
    """
    left = 1 - queries_per_s * limit.prefill_s / PREFILL_SHARE
    # tpot = step(rate * steps * tpot) / share / left, solved for tpot.
    slope = queries_per_s * limit.steps * limit.keys_s
    rest = DECODE_SHARE * left - slope
    return limit.weights_s / rest if left > 0 and rest > 0 else float("inf")
