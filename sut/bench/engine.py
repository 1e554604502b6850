"""What the harness costs against the raw engine: the same prompts with and without it.

Machines are shared and noisy, so the patterns alternate within one call and the answer is a
ratio. These are measurements, not tests.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from sut.bench.harness import Loader, Override, run_one, setting
from sut.bench.raw_engine import BATCHES, GENERATE, alone
from sut.errors import RunError

HARNESS = "harness"
BASELINES = (GENERATE, BATCHES)


@dataclass(frozen=True)
class Throughput:
    """One measurement of one pattern."""

    pattern: str
    round: int
    samples: int
    tokens: int
    tokens_per_s: float


def offline_of(samples: int) -> list[Override]:
    """Offline over so many samples, each once."""
    return [
        setting("scenarios", ["Offline"]),
        setting("loadgen.enable_trace", value=False),
        setting("dataset.max_samples", samples),
        setting("dataset.synthetic_count", samples),
        setting("loadgen.performance_sample_count", samples),
        setting("offline.min_duration_s", 0.0),
        setting("offline.min_query_count", samples),
    ]


def measure_overhead(load: Loader, samples: int, rounds: int, console: Console) -> list[Throughput]:
    """Offline through LoadGen, LLM.generate, and the reference's batches, in turn."""
    loaded = load(offline_of(samples))
    measured = []
    for number in range(1, rounds + 1):
        _, result = run_one(loaded, console)
        rate = result.throughput_tokens_per_sec
        if rate is None:
            raise RunError(f"LoadGen measured no throughput: {result.reasons}")
        found = [Throughput(HARNESS, number, result.queries.issued, result.tokens_out, rate)]
        for pattern in BASELINES:
            raw = alone(loaded.config, pattern)
            found.append(Throughput(pattern, number, raw.samples, raw.tokens, raw.tokens_per_s))
        for each in found:
            console.print(
                f"round {number}: {each.pattern:9s} {each.tokens_per_s:9.1f} tokens/s "
                f"({each.samples} samples, {each.tokens} tokens)",
                highlight=False,
            )
        measured += found
    return measured


def ratio(measured: Sequence[Throughput], pattern: str) -> float:
    """Median over rounds of harness tokens/s by `pattern` tokens/s."""
    rates = {(each.pattern, each.round): each.tokens_per_s for each in measured}
    rounds = sorted({each.round for each in measured})
    return statistics.median(rates[HARNESS, n] / rates[pattern, n] for n in rounds)
