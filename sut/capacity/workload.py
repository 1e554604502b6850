"""What is asked, as far as memory and time depend on it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Workload:
    """Mean lengths over a data set, tokens."""

    prompt_tokens: float
    output_tokens: float
