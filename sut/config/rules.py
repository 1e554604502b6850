"""MLPerf Inference rounds as data: `user_confs/rounds/<round>.yaml`, each figure with its source.

Nothing of a round stands in code; this module only gives the files their types.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import Field, PositiveInt, ValidationError

from sut.config.schema import Scenario, Strict
from sut.errors import ConfigError

CONF_ROOT = Path(__file__).resolve().parents[2] / "user_confs"

# The counter by which an engine proves that no query was served from another's KV cache.
PREFIX_CACHE_HITS = "prefix_cache_hit_tokens"


class Seeds(Strict):
    """The round's LoadGen seeds; some exceed 2**63, so never as a float or int64."""

    qsl_rng_seed: int
    sample_index_rng_seed: int
    schedule_rng_seed: int


class ScenarioRules(Strict):
    """What the round asks of one scenario of one benchmark."""

    loadgen_model: str = Field(description="model name in LoadGen's built-in mlperf.conf")
    min_duration_ms: PositiveInt = Field(description="effective_min_duration_ms at least")
    min_query_count: PositiveInt = Field(description="samples or queries LoadGen must issue")
    latency_percentile: float = Field(gt=0, lt=100)
    ttft_limit_ms: float | None = Field(None, description="strictly below; null: no limit")
    tpot_limit_ms: float | None = Field(None, description="strictly below; null: no limit")


class BenchmarkRules(Strict):
    """One benchmark of one round."""

    system_type: str = Field(description="datacenter or edge")
    dataset: str
    dataset_count: PositiveInt = Field(description="samples; also performance_sample_count")
    max_tokens: PositiveInt
    min_tokens: int = Field(ge=0)
    scenarios: dict[Scenario, ScenarioRules]
    required: tuple[Scenario, ...] = Field(description="scenarios a submission must hold")
    one_of: tuple[Scenario, ...] = Field((), description="of these at least one as well")
    accuracy_min: dict[str, float] = Field(description="metric (checker's name) → least value")
    accuracy_max: dict[str, float] = Field(default_factory=dict)
    compliance_tests: tuple[str, ...] = ()


class Round(Strict):
    """One round of MLPerf Inference."""

    name: str
    loadgen_versions: tuple[str, str] = Field(
        description="first and last mlcommons-loadgen release with this round's seeds"
    )
    loadgen_install: str = Field(description="release to install for this round")
    seeds: Seeds
    benchmarks: dict[str, BenchmarkRules]
    absent: dict[str, str] = Field(
        default_factory=dict, description="benchmark a user may ask for → why the round lacks it"
    )
    sources: dict[str, str] = Field(description="figure or group of figures → where it is from")

    def benchmark(self, name: str) -> BenchmarkRules:
        """The rules of one benchmark.

        Raises:
            ConfigError: the round has no such benchmark.
        """
        if name not in self.benchmarks:
            has = ", ".join(sorted(self.benchmarks)) or "no benchmark of this family"
            why = self.absent.get(name, f"it has {has}")
            raise ConfigError(
                f"round {self.name} has no benchmark {name}: {why}.",
                remedy="Choose another --round.",
            )
        return self.benchmarks[name]

    def scenario_rules(
        self, name: str, scenario: Scenario
    ) -> tuple[str, BenchmarkRules, ScenarioRules]:
        """The benchmark id, its rules and the scenario's for a run of `scenario` of `name`.

        A datacenter benchmark lends a scenario it lacks from its edge twin, which has an id,
        a data set and a LoadGen model name of its own.

        Raises:
            ConfigError: neither of the two has the scenario.
        """
        benchmark = self.benchmark(name)
        if scenario in benchmark.scenarios:
            return name, benchmark, benchmark.scenarios[scenario]
        edge = self.benchmarks.get(f"{name}-edge")
        if edge is not None and scenario in edge.scenarios:
            return f"{name}-edge", edge, edge.scenarios[scenario]
        raise ConfigError(
            f"scenario {scenario} is not one of {name} in round {self.name}, "
            f"which has {', '.join(benchmark.scenarios)}.",
            remedy="Choose another --scenario or --round.",
        )


def round_names() -> list[str]:
    """Every round there is a file for."""
    return sorted(path.stem for path in (CONF_ROOT / "rounds").glob("*.yaml"))


@cache
def load_round(name: str) -> Round:
    """Read one round's file.

    Raises:
        ConfigError: unknown round, or a malformed file.
    """
    path = CONF_ROOT / "rounds" / f"{name}.yaml"
    if not path.is_file():
        raise ConfigError(
            f"round {name} is unknown; known are {', '.join(round_names())}.", remedy="See --round."
        )
    try:
        return Round.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"the file is malformed: {error}", where=path.name) from error
