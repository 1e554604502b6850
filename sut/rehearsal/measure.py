"""The measuring stages: one LoadGen run each, on the tiny dummy model through real vLLM.

A stage per run, and not per scenario, so that an interruption costs one run at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from sut.config.engine_kinds import package_of
from sut.config.names import Mode, Scenario
from sut.config.rounds import Round, load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.harness.session import run_benchmark
from sut.inputs.inputs import load_inputs
from sut.machine.hardware import package_version
from sut.plan.run_id import RunId
from sut.plan.run_plan import plan_runs
from sut.record.folder import sha256_of
from sut.rehearsal.stages import Stage

Override = tuple[str, object, str]
Loader = Callable[[Sequence[Override]], Loaded]

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
    whole = load(base)
    rules = load_round(whole.config.round)
    count = load_inputs(whole.config).dataset.count
    stages = []
    for plan in plan_runs(whole.config, rules, count, whole.origins):
        loaded = load([*base, *_one(plan.run)])
        stages.append(
            Stage(
                name=f"{plan.run.scenario.value}-{plan.run.folder}",
                inputs=_inputs(loaded.config, rules),
                estimate_s=ENGINE_START_S + plan.forecast.duration_expected_s,
                make=partial(_measure, loaded, console),
            )
        )
    return stages


def _one(run: RunId) -> list[Override]:
    test = [("compliance.tests", [run.test], ORIGIN)] if run.mode is Mode.COMPLIANCE else []
    return [
        ("scenarios", [run.scenario.value], ORIGIN),
        ("mode", run.mode.value, ORIGIN),
        *test,
    ]


def _inputs(config: RunConfig, rules: Round) -> dict[str, Any]:
    """All that decides what is measured; where the results go does not."""
    described = Path(config.model.path) / "config.json"
    return {
        "config": config.model_dump(mode="json", exclude={"results_dir"}),
        "rules": rules.model_dump(mode="json", include={"name", "seeds"}),
        "loadgen": package_version("mlcommons-loadgen", "mlcommons_loadgen"),
        "engine": package_of(config.engine.kind),
        "harness": package_version("sut-mlperf"),
        "model_config_sha256": sha256_of(described) if described.is_file() else None,
    }


def _measure(loaded: Loaded, console: Console) -> Path | None:
    """Run it; only a VALID session is kept, and an interruption ends the rehearsal."""
    outcome = run_benchmark(loaded, console)
    if outcome.interrupted:
        raise KeyboardInterrupt
    if outcome.result.valid:
        return outcome.session.root
    for reason in outcome.result.reasons:
        console.print(f"  INVALID: {reason}", highlight=False, soft_wrap=True)
    return None
