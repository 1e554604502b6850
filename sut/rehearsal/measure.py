"""The measuring stages: one LoadGen run each, on the tiny dummy model through real vLLM."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from sut.campaign.measuring import Loader, holds, left_by, measured, measurings
from sut.campaign.plan import Override
from sut.campaign.stages import Stage
from sut.config.names import Scenario
from sut.config.rounds import Round
from sut.config.sources import Loaded

SCENARIOS = (Scenario.OFFLINE, Scenario.SERVER, Scenario.INTERACTIVE)
SYSTEM = "cpu-dummy"
NODE = "rehearsal"
ORIGIN = "rehearsal"

# Engine start, import and warm-up of the dummy model on two cores, measured: 20 to 30 s.
ENGINE_START_S = 30.0

# Enough for LoadGen to grant P90 (44 good queries) with one early-stopping miss to spare, and
# for each part of a submission to exist; limits wide enough for a busy machine.
FAST: dict[str, object] = {
    "generation.max_tokens": 16,
    "dataset.synthetic_count": 100,
    "loadgen.performance_sample_count": 100,
    "offline.min_query_count": 200,
    "offline.min_duration_s": 0.5,
    "offline.target_qps": 20,
    **{
        f"{section}.{key}": value
        for section in ("server", "interactive")
        for key, value in (
            ("min_query_count", 100),
            ("min_duration_s", 4),
            ("target_qps", 20),
            ("latency_percentile", 90),
            ("ttft_limit_ms", 20000),
            ("tpot_limit_ms", 2000),
            ("e2e_p99_limit_ms", 60000),
        )
    },
}


def overrides(round_name: str, out: Path, *, fast: bool) -> list[Override]:
    """What every measuring stage sets; the mlperf profile fixes the rest."""
    values: dict[str, object] = {
        "profile": "quick" if fast else "mlperf",
        "round": round_name,
        "system": SYSTEM,
        "node_name": NODE,
        "results_dir": str(out / "sessions"),
        "scenarios": [scenario.value for scenario in SCENARIOS],
        "mode": "all",
        # A rehearsal claims no figure, and an hour's machine is rarely its own.
        "validity.others_cpu_share": None,
    }
    values |= FAST if fast else {}
    return [(key, value, ORIGIN) for key, value in values.items()]


def reduced(rules: Round) -> Round:
    """The round as a fast rehearsal asks it: its tree is checked by these counts and limits."""
    name = rules.default_benchmark
    benchmark = rules.benchmark(name)
    scenarios = {}
    for scenario in SCENARIOS:
        of = {key.removeprefix(f"{scenario.section}."): value for key, value in FAST.items()}
        changes = {
            "min_duration_ms": round(float(str(of["min_duration_s"])) * 1000),
            "min_query_count": of["min_query_count"],
        }
        if scenario is not Scenario.OFFLINE:
            changes |= {
                key: of[key] for key in ("latency_percentile", "ttft_limit_ms", "tpot_limit_ms")
            }
        scenarios[scenario] = benchmark.scenarios[scenario].model_copy(update=changes)
    smaller = benchmark.model_copy(
        update={"scenarios": scenarios, "dataset_count": FAST["dataset.synthetic_count"]}
    )
    return rules.model_copy(update={"benchmarks": {name: smaller}})


def measuring_stages(load: Loader, base: Sequence[Override], console: Console) -> list[Stage]:
    """A stage for each LoadGen run of the submission, with its expected duration."""
    return [
        Stage(
            name=each.name,
            inputs=each.inputs(),
            estimate_s=ENGINE_START_S + each.forecast.duration_expected_s,
            make=partial(_measure, each.loaded, console),
            holds=partial(holds, each),
        )
        for each in measurings(load, base, ORIGIN)
    ]


def _measure(loaded: Loaded, console: Console) -> Path | None:
    """Run it; only a VALID session is kept, and an interruption ends the rehearsal."""
    return left_by(measured(loaded, console))
