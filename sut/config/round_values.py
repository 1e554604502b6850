"""The keys that a round gives a value to, each with the line of its file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sut.config.keys import Setting
from sut.config.names import Scenario
from sut.config.round_files import round_leaves
from sut.config.rounds import Round
from sut.config.shipped import round_names
from sut.errors import ConfigError

Place = tuple[str, ...]

_MS_PER_S = 1000


def round_settings(
    rules: Round, benchmark: str, first: Scenario | None, keys: Collection[str]
) -> list[Setting]:
    """What the round gives to those of `keys` that it has something to say of.

    Args:
        rules: the round.
        benchmark: the model's; one that the round lacks has no values.
        first: the first scenario asked for; it may be the edge twin's, with its own data set.
        keys: the only ones that are wanted.
    """
    if benchmark not in rules.benchmarks:
        return []
    found = []
    for key, place in _places(rules, benchmark, first).items():
        value = _value(rules, place) if key in keys else None
        if value is not None:
            scaled = value / _MS_PER_S if place[-1] == "min_duration_ms" else value
            found.append(Setting(key, scaled, _origin(rules.name, ("benchmarks", *place))))
    return found


def default_benchmark(rules: Round) -> Setting:
    """What weights that name no benchmark are measured by."""
    key = "default_benchmark"
    return Setting("model.benchmark", rules.default_benchmark, _origin(rules.name, (key,)))


def _value(rules: Round, place: Place) -> Any:
    """None where the round says nothing."""
    value: Any = rules.benchmarks[place[0]]
    for part in place[1:]:
        value = value[Scenario(part)] if isinstance(value, dict) else getattr(value, part)
    return None if value == () else value


def _origin(name: str, place: Place) -> str:
    """File and line of a value; of a round that has no file, which tests make, its name."""
    known = name in round_names()
    leaf = round_leaves(name).get(place) if known else None
    return f"round {name}" if leaf is None else leaf.origin


def _places(rules: Round, benchmark: str, first: Scenario | None) -> dict[str, Place]:
    """Key → benchmark and place in its rules."""
    asked = _benchmark_asked(rules, benchmark, first)
    places: dict[str, Place] = {
        "generation.max_tokens": (asked, "max_tokens"),
        "generation.min_tokens": (asked, "min_tokens"),
        "dataset.synthetic_count": (asked, "dataset_count"),
        "loadgen.performance_sample_count": (asked, "dataset_count"),
        "model.loadgen_model": (benchmark, "scenarios", "Offline", "loadgen_model"),
        "compliance.tests": (asked, "compliance_tests"),
    }
    for scenario in Scenario:
        section = scenario.section
        try:
            name, _, _ = rules.scenario_rules(benchmark, scenario)
        except ConfigError:
            continue
        here = (name, "scenarios", scenario.value)
        places |= {
            f"{section}.min_duration_s": (*here, "min_duration_ms"),
            f"{section}.min_query_count": (*here, "min_query_count"),
            f"{section}.latency_percentile": (*here, "latency_percentile"),
            f"{section}.ttft_limit_ms": (*here, "ttft_limit_ms"),
            f"{section}.tpot_limit_ms": (*here, "tpot_limit_ms"),
        }
    return places


def _benchmark_asked(rules: Round, benchmark: str, first: Scenario | None) -> str:
    if first is None:
        return benchmark
    try:
        return rules.scenario_rules(benchmark, first)[0]
    except ConfigError:
        # `checks` refuses it with its place.
        return benchmark
