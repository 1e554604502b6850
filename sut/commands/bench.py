"""`sut bench`: the harness against raw engines, or alone on the null engine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sut.config.flags import (
    FlagParser,
    above_zero,
    add_count,
    build_parser,
    refuse_dry_run,
    to_overrides,
    whole,
)
from sut.errors import ConfigError
from sut.output import progress_console

if TYPE_CHECKING:
    import argparse

    from _typeshed import DataclassInstance
    from rich.console import Console

    from sut.bench.harness import Loader, Refused

EPILOG = """\
example:
  python -m sut.main bench engine --system cpu-dummy --dataset synthetic --rounds 3
  python -m sut.main bench harness --rates 100,1000,10000
  python -m sut.main bench replicas --replicas 2 --samples 128 --rate 2 --seconds 30
  python -m sut.main bench dispatch --replicas 2 --rate 20 --seconds 20 --rounds 5

engine    compares Offline through LoadGen, one LLM.generate, and the reference's batches of 16.
          They run in turn.
harness   measures the null engine, or the one that --engine names: the Server rates that LoadGen
          holds, the delay of the first token, and Offline's samples/s. --replicas N takes N of
          them on Ray; many null engines need --set engine.ray.cpus_per_replica=0.05.
replicas  compares Offline and Server through LoadGen on --replicas N with the same engines raw,
          on the same samples. All replicas work at the same time. The two sides run in turn.
dispatch  compares the policies that say to which of --replicas N a query of Server goes: the P99 of
          TTFT and TPOT, at a --rate near their limit. They run in turn.

The figures of a run that is INVALID are not taken. The reason is printed, the run is kept, and the
exit code is 1.
"""

MOST_SAMPLES = 50_000_000
MOST_RATE = 1_000_000
RATES = "100,1000,10000,30000,50000"
HARNESS_HEAD = (
    "scenario   target/s  completed/s  TTFT mean   TTFT P99  added P99 driver CPU\n"
    "                                         ms         ms         ms   us/query"
)


def main(arguments: Sequence[str]) -> int:
    """Measure and print; the runs themselves are kept below the results directory.

    Returns:
        0, or 1 where a run is INVALID: its figures are not taken.

    Raises:
        HarnessError: bad input (2), or an engine that did not start (3).
    """
    options = parser().parse_args(arguments)
    refuse_dry_run(options, f"bench {options.what}", "measurement")

    console = progress_console()
    return _MEASURES[options.what](options, console)


def parser() -> FlagParser:
    """The flags of a run, and those of a measurement."""
    about = "Measure what the harness costs. It takes the flags of a run, too."
    made = build_parser("python -m sut.main bench", about, EPILOG)
    _add_sizes(made.add_argument)
    return made


def _add_sizes(add: Callable[..., Any]) -> None:
    add("what", choices=tuple(_MEASURES))
    add_count(add, "--rounds", 1000, 3, "number of rounds")
    add_count(add, "--samples", MOST_SAMPLES, 512, "samples in Offline")
    add("--rates", type=_rates, default=RATES, help=f"Server queries/s of harness ({RATES})")
    add(
        "--seconds",
        type=above_zero("--seconds", 86_400, example=5),
        default=5.0,
        help="seconds for each rate of harness, replicas and dispatch (5)",
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
        help="Server queries/s of replicas and dispatch (2)",
    )
    add(
        "--policies",
        metavar="NAME,NAME",
        default="tokens,prefill-weighted",
        help="of dispatch; the others are held against the first (tokens,prefill-weighted)",
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
    from sut.machine.processor import has_avx512

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
            avx512=has_avx512(),
        )

    return loader


def _engine(options: argparse.Namespace, console: Console) -> int:
    from sut.bench.engine import BASELINES, measure_overhead, ratio

    measured, refused = measure_overhead(_loader(options), options.samples, options.rounds, console)
    ratios = {pattern: ratio(measured, pattern) for pattern in BASELINES}
    if options.json:
        _print(_document(measured, refused) | {"median_ratio": ratios})
        return _code(refused)
    for pattern, value in ratios.items():
        rounds = options.rounds - len(refused)
        print(f"harness / {pattern}: {_shown(value)} (median of {rounds} rounds, tokens/s)")
    return _said(refused)


def _harness(options: argparse.Namespace, console: Console) -> int:
    from sut.bench.harness import measure_harness

    points, refused = measure_harness(
        _loader(options), options.rates, options.seconds, options.offline_samples, console
    )
    if options.json:
        _print(_document(points, refused))
        return _code(refused)
    print(HARNESS_HEAD)
    for point in points:
        print(
            f"{point.scenario:9} {point.target_qps or '-':>9} {point.completed_qps:12.1f} "
            f"{_shown(point.ttft_mean_ms):>10} {_shown(point.ttft_p99_ms):>10} "
            f"{_shown(point.data_plane_p99_ms):>10} {_shown(point.driver_cpu_us):>10}"
        )
    return _said(refused)


def _replicas(options: argparse.Namespace, console: Console) -> int:
    from sut.bench.replicas import measure_replicas, median_ratio

    _need_replicas(options)
    pairs, refused = measure_replicas(
        _loader(options), options.samples, options.rate, options.seconds, options.rounds, console
    )
    names = [*(each.scenario for each in pairs), *(each.scenario for each in refused)]
    ratios = {each: median_ratio(pairs, each) for each in dict.fromkeys(names)}
    if options.json:
        _print(_document(pairs, refused) | {"median_ratio": ratios})
        return _code(refused)
    for scenario, value in ratios.items():
        rounds = options.rounds - sum(each.scenario == scenario for each in refused)
        print(f"{scenario}: replicas / raw {_shown(value)} (median of {rounds} rounds, tokens/s)")
    return _said(refused)


def _need_replicas(options: argparse.Namespace) -> None:
    if options.replicas is None:
        raise ConfigError(
            "there are no replicas to compare.",
            where=f"bench {options.what}",
            remedy="Give their number with --replicas.",
        )


def _dispatch(options: argparse.Namespace, console: Console) -> int:
    from sut.bench.dispatch import against_first, measure_dispatch

    _need_replicas(options)
    policies = [each.strip() for each in options.policies.split(",")]
    found, refused = measure_dispatch(
        _loader(options),
        policies,
        rate=options.rate,
        seconds=options.seconds,
        rounds=options.rounds,
        console=console,
    )
    if options.json:
        _print(_document(found, refused))
        return _code(refused)
    for line in against_first(found, policies):
        print(line)
    return _said(refused)


_MEASURES = {
    "engine": _engine,
    "harness": _harness,
    "replicas": _replicas,
    "dispatch": _dispatch,
}


def _document(measured: Sequence[DataclassInstance], refused: Sequence[Refused]) -> dict[str, Any]:
    """What was measured, and the runs that are INVALID, without a figure."""
    return {
        "measured": [asdict(each) for each in measured],
        "invalid": [asdict(each) for each in refused],
    }


def _said(refused: Sequence[Refused]) -> int:
    """Name the runs whose figures are in nothing above; the exit code."""
    for each in refused:
        print(each.line())
    return _code(refused)


def _code(refused: Sequence[Refused]) -> int:
    return 1 if refused else 0


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _print(document: Any) -> None:
    print(json.dumps(document, indent=2))
