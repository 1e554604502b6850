"""What the harness costs against the raw engine: the same prompts with and without it.

Machines are shared and noisy, so the patterns alternate within one call and the answer is a
ratio. These are measurements, not tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from sut.bench.harness import Loader, Override, Refused, median, run_one, setting
from sut.bench.raw_engine import BATCHES, GENERATE, alone
from sut.config.names import Scenario
from sut.engines.vllm.raw_process import RawMeasurement

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
    start_s: float | None = None
    """From the begin of its process until it could take a prompt; None: not told."""


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


def measure_overhead(
    load: Loader, samples: int, rounds: int, console: Console
) -> tuple[list[Throughput], list[Refused]]:
    """Offline through LoadGen, LLM.generate, and the reference's batches, in turn.

    Returns:
        the measurements of the rounds whose run is VALID, and the other runs. A round without a
        VALID run has nothing to compare with, so its raw engines do not run.
    """
    loaded = load(offline_of(samples))
    config = loaded.config.of(Scenario.OFFLINE)
    measured: list[Throughput] = []
    refused: list[Refused] = []
    for number in range(1, rounds + 1):
        run = run_one(loaded, console, f"round {number}")
        if isinstance(run, Refused):
            refused.append(run)
            continue
        _, result = run
        rate = result.throughput_tokens_per_sec
        assert rate is not None, "a VALID run has a throughput"
        found = [Throughput(HARNESS, number, result.queries.issued, result.tokens_out, rate)]
        for pattern in BASELINES:
            raw = alone(config, pattern)
            found.append(_of_raw(pattern, number, raw))
        for each in found:
            console.print(
                f"round {number}: {each.pattern:9s} {each.tokens_per_s:9.1f} tokens/s "
                f"({each.samples} samples, {each.tokens} tokens)",
                highlight=False,
            )
        measured += found
    return measured, refused


def _of_raw(pattern: str, number: int, raw: RawMeasurement) -> Throughput:
    return Throughput(pattern, number, raw.samples, raw.tokens, raw.tokens_per_s, raw.start_s)


def ratio(measured: Sequence[Throughput], pattern: str) -> float | None:
    """Median over rounds of harness tokens/s by `pattern` tokens/s; None without a round."""
    rates = {(each.pattern, each.round): each.tokens_per_s for each in measured}
    rounds = sorted({each.round for each in measured})
    return median([rates[HARNESS, n] / rates[pattern, n] for n in rounds])
