"""Replicas behind LoadGen against the same engines raw, at the same time, without the harness.

The raw engines get the run's own samples, from its ledger: in Offline dealt out evenly, in Server
each those that its replica got, at the same moments. Both sides are measured alike, from the
first query to the last answer over all engines.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from rich.console import Console

from sut.bench.engine import offline_of
from sut.bench.harness import NS_PER_MS, Loader, Refused, median, run_one, setting
from sut.bench.raw_engine import ARRIVALS, GENERATE, request_of, run_raw
from sut.config.names import Mode, Scenario
from sut.config.schema import RunConfig
from sut.engines.vllm.raw_process import RawMeasurement
from sut.harness.session import Outcome
from sut.inputs.inputs import load_inputs

NS_PER_S = 1e9


@dataclass(frozen=True)
class Side:
    """One side of a comparison."""

    samples: int
    tokens: int
    tokens_per_s: float
    """Over all engines, from the first query to the last answer."""
    ttft_p99_ms: float | None
    """None in Offline, where nobody waits for a first token."""


@dataclass(frozen=True)
class Pair:
    """One round of one scenario."""

    scenario: str
    round: int
    harness: Side
    raw: Side

    @property
    def ratio(self) -> float:
        return self.harness.tokens_per_s / self.raw.tokens_per_s


def measure_replicas(
    load: Loader, samples: int, rate: float, seconds: float, rounds: int, console: Console
) -> tuple[list[Pair], list[Refused]]:
    """Offline and Server through LoadGen and raw, alternated.

    Args:
        load: makes configurations; they must ask for replicas.
        samples: in Offline.
        rate: queries/s in Server.
        seconds: of Server.
        rounds: alternations.
        console: for progress.

    Returns:
        a pair for each VALID run, and the runs whose figures are not taken; beside those no raw
        engine runs.
    """
    server = [
        setting("scenarios", ["Server"]),
        setting("loadgen.enable_trace", value=False),
        setting("server.target_qps", rate),
        setting("server.min_duration_s", seconds),
    ]
    configurations = [load(offline_of(samples)), load(server)]
    pairs: list[Pair] = []
    refused: list[Refused] = []
    for number in range(1, rounds + 1):
        for loaded in configurations:
            run = run_one(loaded, console, f"round {number}")
            if isinstance(run, Refused):
                refused.append(run)
                continue
            pairs.append(_pair(loaded.config, run[0], number))
            console.print(line_of(pairs[-1]), highlight=False)
    return pairs, refused


def _pair(config: RunConfig, outcome: Outcome, number: int) -> Pair:
    """A VALID run through LoadGen beside the same engines raw."""
    (scenario,) = config.scenarios
    folder = outcome.session.run_dir(scenario.value, Mode.PERFORMANCE.value)
    table = pq.read_table(folder.ledger).to_pandas()
    columns = {name: table[name].to_numpy() for name in table.columns}
    engine = outcome.result.engine
    assert engine is not None, "a run that answered had an engine"
    raw = _raw(config.of(scenario), scenario, columns, engine.details["replicas"])
    return Pair(scenario.value, number, _through_loadgen(scenario, columns), raw)


def line_of(pair: Pair) -> str:
    """One round in words."""

    def shown(side: Side) -> str:
        ttft = "" if side.ttft_p99_ms is None else f", TTFT P99 {side.ttft_p99_ms:.0f} ms"
        return f"{side.tokens_per_s:.1f} tokens/s ({side.tokens} tokens{ttft})"

    return (
        f"round {pair.round} {pair.scenario}: harness {shown(pair.harness)}, "
        f"raw {shown(pair.raw)}, ratio {pair.ratio:.3f}"
    )


def median_ratio(pairs: Sequence[Pair], scenario: str) -> float | None:
    """Over the rounds; None without one."""
    return median([pair.ratio for pair in pairs if pair.scenario == scenario])


def _through_loadgen(scenario: Scenario, columns: dict[str, npt.NDArray[Any]]) -> Side:
    begun, done = columns["issued_ns"], columns["done_ns"]
    tokens = int(columns["tokens_out"].sum())
    waited = columns["first_token_ns"] - begun if scenario is Scenario.SERVER else None
    return Side(
        samples=len(begun),
        tokens=tokens,
        tokens_per_s=tokens / ((done.max() - begun.min()) / NS_PER_S),
        ttft_p99_ms=None if waited is None else float(np.percentile(waited, 99)) / NS_PER_MS,
    )


def _raw(
    config: RunConfig,
    scenario: Scenario,
    columns: dict[str, npt.NDArray[Any]],
    places: Sequence[Mapping[str, Any]],
) -> Side:
    """The same engines without the harness, each on the cores and cards of its replica."""
    inputs = load_inputs(config)
    server = scenario is Scenario.SERVER
    arrive_s = (columns["issued_ns"] - columns["issued_ns"].min()) / NS_PER_S
    dealt = np.arange(len(arrive_s)) % len(places)
    given_to = columns["replica"] if server else dealt
    requests = [
        request_of(
            config,
            inputs,
            ARRIVALS if server else GENERATE,
            columns["sample_index"][given_to == engine].tolist(),
            cores=place["cores"],
            cards=place["gpu_uuids"],
            arrive_s=arrive_s[given_to == engine].tolist() if server else (),
        )
        for engine, place in enumerate(places)
    ]
    return _together(run_raw(requests))


def _together(measured: Sequence[RawMeasurement]) -> Side:
    """One clock for all: the monotonic clock of this machine."""
    begun_ns = min(each.begun_ns for each in measured)
    ended_ns = max(each.ended_ns for each in measured)
    waited = [wait_ns for each in measured for wait_ns in each.ttft_ns]
    tokens = sum(each.tokens for each in measured)
    return Side(
        samples=sum(each.samples for each in measured),
        tokens=tokens,
        tokens_per_s=tokens / ((ended_ns - begun_ns) / NS_PER_S),
        ttft_p99_ms=float(np.percentile(waited, 99)) / NS_PER_MS if waited else None,
    )
