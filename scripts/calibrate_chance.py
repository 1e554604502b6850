"""Is the chance that `peak` gives borne out? Repeated runs of full length beside what was foretold.

    python -m scripts.calibrate_chance --simulated
    python -m scripts.calibrate_chance --out DIR --rates 40,43,46 --repeats 20

The first simulates searches on a machine with four places and drawn arrivals, where a repeated run
has other arrivals. The second takes a folder in which `peak` searched on the null engine, and makes
runs at each rate with LoadGen, whose arrivals are the same in each.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from sut.config.resolved import read_resolved
from sut.config.sources import Loaded
from sut.harness.on_engine import OnEngine, engine_for
from sut.inputs.inputs import load_inputs
from sut.peak.chance import Seen, chance_of_limit
from sut.peak.find import Asked, RunMaker
from sut.peak.folder import SearchDir
from sut.peak.limits import Limit, limits_of
from sut.peak.report import seen
from sut.peak.search import Kind, Step
from sut.peak.trial import Trial

PLACES, SERVICE_S, LIMIT_S = 4, 0.08, 0.4
TRIAL, WHOLE = 240, 900
LIMIT = Limit("TTFT", 95.0, 1000 * LIMIT_S, loadgens=True)
SHARES = (0.8, 0.88, 0.92, 0.96, 1.02)
"""Of what the machine can do at most: the rates of a simulated search's trials. One fails."""
SEARCHES, RUNS = 120, 300
BINS = (0.0, 0.05, 0.2, 0.4, 0.6, 0.8, 0.95, 1.0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--simulated", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rates", default="")
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args(arguments)
    if options.simulated:
        _simulated()
    else:
        _measured(options.out, [float(each) for each in options.rates.split(",")], options.repeats)
    return 0


def waits_ms(rate: float, queries: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """How long each query of a simulated run waits: Poisson arrivals, four places."""
    arrivals = np.cumsum(random.exponential(1 / rate, queries))
    service = random.uniform(0.7, 1.3, queries) * SERVICE_S
    free = np.zeros(PLACES)
    waits = np.zeros(queries)
    for number, (at, takes) in enumerate(zip(arrivals, service, strict=True)):
        place = int(free.argmin())
        begins = max(float(free[place]), at)
        free[place] = begins + takes
        waits[number] = 1000 * (begins - at)
    return waits


def late(times_ms: npt.NDArray[np.float64]) -> int:
    """How many are over the limit."""
    return int((times_ms > LIMIT.limit_ms).sum())


def _simulated() -> None:
    """For many searches: the chance at each rate beside the share of runs there that pass."""
    random = np.random.Generator(np.random.PCG64(16))
    most, allowed = PLACES / SERVICE_S, LIMIT.allowed(WHOLE)
    rates = [most * share for share in (0.84, 0.87, 0.9, 0.93, 0.96)]
    passed = {
        rate: np.mean([late(waits_ms(rate, WHOLE, random)) <= allowed for _ in range(RUNS)])
        for rate in rates
    }
    foretold: list[tuple[float, float]] = []
    for _ in range(SEARCHES):
        runs = [Seen(most * s, waits_ms(most * s, TRIAL, random), LIMIT.limit_ms) for s in SHARES]
        for rate in rates:
            chance = chance_of_limit(rate, WHOLE, allowed, runs)
            assert chance is not None, "there are runs to judge by"
            foretold.append((chance, float(passed[rate])))
    print("| foretold | times | mean foretold | share of full runs that passed |")
    print("| --- | --- | --- | --- |")
    for low, high in pairwise(BINS):
        inside = [each for each in foretold if low <= each[0] < high or each[0] == high == 1]
        if inside:
            mean, share = np.mean(inside, axis=0)
            print(f"| {low:.0%} to {high:.0%} | {len(inside)} | {mean:.0%} | {share:.0%} |")
    print(
        "\nshare that passed, by rate: "
        + ", ".join(f"{rate:.3g}: {share:.0%}" for rate, share in passed.items())
    )


def _measured(out: Path, rates: Sequence[float], repeats: int) -> None:
    """Runs of full length on the null engine, after a search whose trials foretell."""
    searched = SearchDir(out).runs()
    trials = [each for each in searched if not each.full]
    loaded = read_resolved(next(each for each in searched if each.full).folder / "config.json")
    (scenario,) = loaded.config.scenarios
    made = _repeated(loaded, out / "repeated", rates, repeats)
    limits = limits_of(loaded.config, scenario)
    print("| queries/s | foretold | VALID | over the first limit, each run |")
    print("| --- | --- | --- | --- |")
    for rate in rates:
        here = [each for each in made if each.rate == rate]
        queries = len(here[0].took_ms[limits[0].name])
        chances = [
            chance_of_limit(rate, queries, each.allowed(queries), seen(trials, each)) or 0.0
            for each in limits
        ]
        first = limits[0]
        counts = sorted(int((each.took_ms[first.name] > first.limit_ms).sum()) for each in here)
        valid = sum(each.valid for each in here)
        print(f"| {rate:g} | {min(chances):.0%} | {valid} of {len(here)} | {counts} |")


def _repeated(loaded: Loaded, out: Path, rates: Sequence[float], repeats: int) -> list[Trial]:
    """So many runs at each rate, in turn, on one engine start."""
    (scenario,) = loaded.config.scenarios
    folder = SearchDir(out)
    folder.open(loaded, scenario)
    inputs, console = load_inputs(loaded.config), Console(stderr=True)
    asked = Asked(loaded, scenario, folder.root, tolerance=0.05, trials=1, confirmations=1)
    logs = folder.new_start()
    with engine_for(loaded.config, scenario, inputs, logs, console) as (ready, way):
        maker = RunMaker(asked, folder, OnEngine(scenario, inputs, ready, ready.before, way))
        for _ in range(repeats):
            for rate in rates:
                maker.make(Step(Kind.CONFIRMATION, rate, "repeated"))
    return folder.runs()


if __name__ == "__main__":
    raise SystemExit(main())
