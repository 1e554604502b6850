"""Drawn configurations that an honest user may give, through real LoadGen: VALID, and stays so.

A configuration is drawn from its number alone, so that one that fails is had again by it.
"""

from __future__ import annotations

import io
import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sut.config.flags import build_parser, to_overrides
from sut.config.names import Scenario
from sut.config.sources import load
from sut.harness.session import run_benchmark
from sut.result.build import build, result_json
from tests.integration.conftest import settings

pytestmark = pytest.mark.usefixtures("small_model", "dummy_model")  # for their tokenizers

DRAWN, QUICKLY = 50, 5
WORDS = ("river", "school", "bridge", "choir", "harvest", "museum", "storm", "council")
# A busy machine is no dishonest one: no limit here is near what the null engine takes.
PATIENT = {
    f"{section}.{key}": value
    for section in ("server", "interactive")
    for key, value in (
        ("ttft_limit_ms", 20_000),
        ("tpot_limit_ms", 5_000),
        ("e2e_p99_limit_ms", 30_000),
    )
}


def drawn(number: int, folder: Path) -> tuple[list[str], dict[str, Any]]:
    """Flags and settings of one honest configuration.

    Args:
        number: which one.
        folder: where its data set is written, if it has one of its own.
    """
    rng = random.Random(f"honest {number}")
    mode = rng.choice(["performance", "performance", "performance", "accuracy", "both", "all"])
    chosen = rng.sample(list(Scenario), rng.choice([1, 1, 2, 3, 4]))
    model = rng.choice(["smollm2-135m", "llama-tiny-dummy"])
    flags = ["--engine", "null", "--model", model, "--mode", mode]
    flags += ["--scenario", ",".join(chosen)]
    lengths = _lengths(rng)
    values = {**PATIENT, **lengths, **_pace(rng, lengths), **_harness(rng)}
    flags += _dataset(rng, folder, values)
    return flags, values


def _lengths(rng: random.Random) -> dict[str, Any]:
    """How long answers may be and are, and what ends them.

    None has one token alone: LoadGen logs an error for each such (loadgen/logging.cc,
    RecordSampleCompletion), TEST06 asks for two, and one that is the end id is no answer.
    """
    most = rng.choice([2, 3, 16, 64, 128, 200])
    least = rng.choice([1, 1, 1, 2, most])
    return {
        "generation.max_tokens": most,
        "generation.min_tokens": least,
        "engine.null.tokens": rng.choice([2, 5, max(2, most - 1), most, most + 7]),
        "model.eos_token_ids": rng.sample(range(3, 40_000), rng.choice([1, 1, 3])),
    }


def _pace(rng: random.Random, lengths: Mapping[str, Any]) -> dict[str, Any]:
    """Delays, and durations and rates that an engine of these delays keeps."""
    ttft_ms, tpot_ms = rng.choice([0, 1, 3, 20]), rng.choice([0, 0.02, 0.1])
    answer = min(
        max(lengths["engine.null.tokens"], lengths["generation.min_tokens"]),
        lengths["generation.max_tokens"],
    )
    latency_ms = ttft_ms + tpot_ms * (answer - 1)
    percentile = rng.choice([50, 90, 95, 95, 99])
    values: dict[str, Any] = {
        "engine.null.ttft_ms": ttft_ms,
        "engine.null.tpot_ms": tpot_ms,
        # Offline is over when the one answer's delay is: that long it lasts, whatever the rate.
        "offline.target_qps": rng.choice([0.5, 10, 333.3, 5000]),
        "offline.min_duration_s": int(latency_ms / 2) / 1000,
        "offline.min_query_count": rng.choice([1, 7, 100, 1000]),
        "single_stream.target_latency_ms": 1,
        "single_stream.min_duration_s": rng.choice([0, 0.05]),
        "single_stream.min_query_count": rng.choice([100, 130]),
    }
    for section in ("server", "interactive"):
        values |= {
            f"{section}.latency_percentile": percentile,
            f"{section}.min_query_count": (500 if percentile == 99 else 100) + rng.randrange(50),
            f"{section}.target_qps": rng.choice([150, 333.3, 1000]),
            f"{section}.min_duration_s": rng.choice([0, 0.25, 1]),
        }
    return values


def _harness(rng: random.Random) -> dict[str, Any]:
    """What the harness does around the runs."""
    return {
        "loadgen.enable_trace": rng.choice(["true", "true", "false"]),
        "loadgen.performance_sample_count": rng.choice([1, 10, 100, 250]),
        "warmup.queries": rng.choice([0, 1, 10]),
        "warmup.probe_reuse": rng.choice(["true", "false"]),
    }


def _dataset(rng: random.Random, folder: Path, values: dict[str, Any]) -> list[str]:
    """The sample that is shipped, a synthetic one, or a file; whole or the first of it."""
    kind = rng.choice(["sample", "synthetic", "file"])
    count = rng.choice([100, 131, 240])
    if kind == "synthetic":
        values |= {"dataset.synthetic_count": count, "dataset.synthetic_seed": rng.randrange(99)}
        return ["--dataset", "synthetic"]
    if rng.random() < 0.4:
        values["dataset.max_samples"] = rng.choice([20, 48, 90])
    if kind == "sample":
        return ["--dataset", "sample"]
    rows = [
        {
            "input": " ".join(rng.choices(WORDS, k=rng.randrange(5, 60))),
            "output": " ".join(rng.choices(WORDS, k=9)),
        }
        for _ in range(count)
    ]
    path = folder / "news.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return ["--dataset", str(path)]


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=[] if number < QUICKLY else pytest.mark.slow)
        for number in range(DRAWN)
    ],
)
def test_an_honest_session_is_valid_and_built_again_the_same(tmp_path: Path, number: int) -> None:
    flags, values = drawn(number, tmp_path)
    assigned = settings(**{key: _spelled(value) for key, value in values.items()})
    options = build_parser().parse_args([*flags, *assigned, "--results-dir", str(tmp_path / "r")])
    loaded = load(to_overrides(options), environment={}, card=None, host_name="node-a")
    outcome = run_benchmark(loaded, Console(file=io.StringIO()))
    told = "\n".join(outcome.result.reasons)
    assert outcome.result.valid, f"{flags} {values}\n{told}"
    again = result_json(build(outcome.session.root))
    assert again == outcome.session.result.read_text(encoding="utf-8")


def _spelled(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list) else str(value)
