"""`sut bench`: the harness against raw engines, or alone on the null engine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sut.config.flags import above_zero, build_parser, to_overrides, whole
from sut.errors import ConfigError

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from sut.bench.engine import Throughput
    from sut.bench.harness import HarnessPoint, Loader
    from sut.bench.replicas import Pair

EPILOG = """\
example:
  python -m sut.main bench engine --system cpu-dummy --dataset synthetic --rounds 3
  python -m sut.main bench harness --rates 100,1000,10000
  python -m sut.main bench replicas --replicas 2 --samples 128 --rate 2 --seconds 30

engine    compares Offline through LoadGen, one LLM.generate, and the reference's batches of 16.
          They run in turn.
harness   measures the null engine, or the one that --engine names: the Server rates that LoadGen
          holds, the delay of the first token, and Offline's samples/s. --replicas N takes N of
          them on Ray; many null engines need --set engine.ray.cpus_per_replica=0.05.
replicas  compares Offline and Server through LoadGen on --replicas N with the same engines raw,
          on the same samples. All replicas work at the same time. The two sides run in turn.
"""

MOST_SAMPLES = 50_000_000
MOST_RATE = 1_000_000
RATES = "100,1000,10000,30000,50000"
HARNESS_HEAD = (
    "scenario   target/s  completed/s  TTFT mean   TTFT P99   Ray P99  driver CPU\n"
    "                                         ms         ms        ms    us/query"
)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the runs themselves are kept below the results directory.

    Raises:
        HarnessError: bad input (2), or an engine that did not start (3).
    """
    parser = build_parser("python -m sut.main bench")
    parser.description = "Measure what the harness costs. It takes the flags of a run, too."
    parser.epilog = EPILOG
    _add_sizes(parser.add_argument)
    options = parser.parse_args(arguments)
    if options.dry_run:
        raise ConfigError(
            "--dry-run is of a run; this would be a measurement.",
            where="command line",
            remedy=f"Leave it out, or leave out bench {options.what}.",
        )

    from rich.console import Console

    console = Console(stderr=True)
    return {"engine": _engine, "harness": _harness, "replicas": _replicas}[options.what](
        options, console
    )


def _add_sizes(add: Callable[..., Any]) -> None:
    add("what", choices=("engine", "harness", "replicas"))
    add(
        "--rounds",
        type=whole("--rounds", 1, 1000, example=3),
        default=3,
        help="number of rounds (3)",
    )
    add(
        "--samples",
        type=whole("--samples", 1, MOST_SAMPLES, example=512),
        default=512,
        help="samples in Offline (512)",
    )
    add("--rates", type=_rates, default=RATES, help=f"Server queries/s of harness ({RATES})")
    add(
        "--seconds",
        type=above_zero("--seconds", 86_400, example=5),
        default=5.0,
        help="seconds for each rate of harness and replicas (5)",
    )
    add(
        "--offline-samples",
        type=whole("--offline-samples", 0, MOST_SAMPLES, example=200_000),
        default=200_000,
        help="samples in Offline of harness; 0 leaves it out (200000)",
    )
    add(
        "--rate",
        type=above_zero("--rate", MOST_RATE, example=2),
        default=2.0,
        help="Server queries/s of replicas (2)",
    )


def _rates(text: str) -> list[float]:
    """Several rates, joined with commas.

    Raises:
        ConfigError: one of them is not a rate.
    """
    return [above_zero("--rates", MOST_RATE, example=100)(part.strip()) for part in text.split(",")]


def _loader(options: argparse.Namespace) -> Loader:
    from sut.config.sources import Loaded, load
    from sut.machine.devices import cards
    from sut.machine.hardware import gpu_missing

    def loader(overrides: Sequence[tuple[str, object, str]]) -> Loaded:
        given = to_overrides(options)
        if options.results_dir is None:
            given.append(("results_dir", "results/bench", "sut bench"))
        seen = cards()
        return load(
            [*overrides, *given],
            environment=os.environ,
            card=seen.found[0].name if seen.found else None,
            gpu_missing=gpu_missing(seen),
            host_name=platform.node(),
            config_file=options.config,
            user_conf=options.user_conf,
        )

    return loader


def _engine(options: argparse.Namespace, console: Console) -> int:
    from sut.bench.engine import BASELINES, measure_overhead, ratio

    measured: list[Throughput] = measure_overhead(
        _loader(options), options.samples, options.rounds, console
    )
    ratios = {pattern: ratio(measured, pattern) for pattern in BASELINES}
    if options.json:
        _print({"measured": [asdict(each) for each in measured], "median_ratio": ratios})
        return 0
    for pattern, value in ratios.items():
        print(f"harness / {pattern}: {value:.3f} (median of {options.rounds} rounds, tokens/s)")
    return 0


def _harness(options: argparse.Namespace, console: Console) -> int:
    from sut.bench.harness import measure_harness

    points: list[HarnessPoint] = measure_harness(
        _loader(options), options.rates, options.seconds, options.offline_samples, console
    )
    if options.json:
        _print([asdict(point) for point in points])
        return 0
    print(HARNESS_HEAD)
    for point in points:
        print(
            f"{point.scenario:9} {point.target_qps or '-':>9} {point.completed_qps:12.1f} "
            f"{_shown(point.ttft_mean_ms):>10} {_shown(point.ttft_p99_ms):>10} "
            f"{_shown(point.data_plane_p99_ms):>10} {_shown(point.driver_cpu_us):>10}"
        )
    return 0


def _replicas(options: argparse.Namespace, console: Console) -> int:
    from sut.bench.replicas import measure_replicas, median_ratio

    if options.replicas is None:
        raise ConfigError(
            "there are no replicas to compare.",
            where="bench replicas",
            remedy="Give their number with --replicas.",
        )
    pairs: list[Pair] = measure_replicas(
        _loader(options), options.samples, options.rate, options.seconds, options.rounds, console
    )
    ratios = {each: median_ratio(pairs, each) for each in dict.fromkeys(p.scenario for p in pairs)}
    if options.json:
        _print({"measured": [asdict(pair) for pair in pairs], "median_ratio": ratios})
        return 0
    for scenario, value in ratios.items():
        print(f"{scenario}: replicas / raw {value:.3f} (median of {options.rounds}, tokens/s)")
    return 0


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _print(document: Any) -> None:
    print(json.dumps(document, indent=2))
