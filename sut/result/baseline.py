"""Each node's run alone: may its rate be compared with the coordinated run's? Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.result.alike import (
    FREE,
    Facts,
    configuration_facts,
    differences,
    machine_facts,
    result_differences,
)
from sut.result.schema import Result

# A node may have run alone in another order, or more than is compared.
FREE_ALONE = (*FREE, "scenarios")


@dataclass(frozen=True)
class Alone:
    """Each node's result when it ran alone; `paths` says where they lie."""

    source: Literal["measured", "stored"]
    results: Mapping[str, Result]
    paths: Mapping[str, str]
    stated: Sequence[str] = ()
    """Nodes whose result nobody built again: there is only its file."""
    contradictions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What a node's own result said otherwise than the one built from its session."""


def single_rates(
    scenarios: Sequence[Scenario],
    nodes: Mapping[str, Result | None],
    alone: Alone | None,
    notes: list[str],
) -> dict[Scenario, dict[str, float]]:
    """Each node's rate when alone; a run that may not be compared gives a note and no rate.

    Args:
        scenarios: those that are compared.
        nodes: the results of the coordinated run.
        alone: the runs to compare with.
        notes: takes what a reader must know.
    """
    rates: dict[Scenario, dict[str, float]] = {}
    if alone is None:
        return rates
    for name, together in nodes.items():
        single = alone.results.get(name)
        if single is None:
            notes.append(f"node {name} has no run alone to compare with")
            continue
        why = [*alone.contradictions.get(name, ()), *_unlike(together, single)]
        if why:
            notes += [f"node {name}: its run alone is not compared: {each}" for each in why]
            continue
        if name in alone.stated:
            notes.append(
                f"node {name}: its run alone is stated, not built again: no session lies beside "
                f"{alone.paths[name]}"
            )
        for scenario in scenarios:
            run = single.scenarios.get(scenario)
            if run is None or not run.valid or not run.achieved_qps:
                notes.append(f"node {name}: its run alone has no valid {scenario} run")
            else:
                rates.setdefault(scenario, {})[name] = run.achieved_qps
    return rates


def _unlike(together: Result | None, single: Result) -> list[str]:
    """What two runs of one node differ in, each in words; a run that is lost differs in nothing."""
    if together is None:
        return []
    both = {"together": together, "alone": single}
    found = result_differences(both, free=FREE_ALONE)
    # Between nodes a machine may differ; a node's rate alone is that of the machine it is now.
    found += differences({name: machine_facts(result) for name, result in both.items()})
    return [
        f"{each.key} is " + " and ".join(f"{value} {names[0]}" for value, names in each.shown)
        for each in found
    ]


def check_stored(
    config: RunConfig, names: Sequence[str], stored: Mapping[str, Result]
) -> dict[str, str]:
    """Hold stored results against what is about to be run.

    Args:
        config: of the coordinated run.
        names: of its nodes.
        stored: results by the path of their file.

    Returns:
        The path of each node's result.

    Raises:
        ConfigError: one was made with another configuration, or a node has none.
    """
    wanted = comparable(config)
    paths: dict[str, str] = {}
    for path, result in stored.items():
        found = configuration_facts(result.configuration, FREE_ALONE)
        for key in sorted(wanted.keys() | found.keys()):
            if wanted.get(key) != found.get(key):
                raise ConfigError(
                    f"{key} is {found.get(key)} there and {wanted.get(key)} in this run.",
                    where=path,
                    remedy="Name results of the same configuration, or measure with --baseline.",
                )
        paths.setdefault(result.benchmark_info.node, path)
    missing = [name for name in names if name not in paths]
    if missing:
        raise ConfigError(
            f"there is no result of node {missing[0]} among them; there are those of "
            f"{', '.join(sorted(paths)) or 'none'}.",
            where="--baseline-results",
            remedy="Run that node alone with NODE_NAME set to that name, or use --baseline.",
        )
    return {name: paths[name] for name in names}


def comparable(config: RunConfig) -> Facts:
    """The keys that decide a node's rate, each with its value as JSON has it."""
    return configuration_facts(config.model_dump(mode="json"), FREE_ALONE)
