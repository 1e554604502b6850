"""What must be alike before figures of several sessions may stand together.

One list for the nodes of a coordinated run, for their runs alone and for a submission's sessions.
All that a result says of what was asked and of what answered must be alike, but for what is named
here as free: so a setting that somebody adds later is compared from its first day.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sut.config.keys import BY_SCENARIO, FOREIGN, leaves
from sut.config.rate import PROBED
from sut.record.facts import EngineFacts
from sut.result.schema import Result, RunResult, engine_of_each

# What a coordinated run sets for each node: its name (`sut.cluster.coordinated.document_for`) and
# the folder for its session (`sut.cluster.node_run`). All else of the document is the same.
PER_NODE = ("node_name", "results_dir")
# The same files may lie elsewhere. Data set and weights are compared by checksum, an audit.config
# by the settings that it leaves in LoadGen's log.
PLACES = ("dataset.path", "model.path", "compliance.audit_config")
# How a control node reaches and watches the nodes; the engine on a node does not see it.
REACH = ("engine.ray.",)
# How a rate was found; the rate itself is compared.
FOUND = tuple(f"{section}.probe_rate" for section in PROBED)
FREE = (*PER_NODE, *PLACES, *FOUND)
# Where each replica is; an engine tells itself which more of its names are free.
WHERE = ("replicas",)
DIRTY = "-dirty"
LONGEST_SHOWN = 60

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing that is not alike: each value with those that have it, in their order."""

    key: str
    values: tuple[tuple[Any, tuple[str, ...]], ...]

    @property
    def shown(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The values as a person reads them: shortened, unless that made them look alike."""
        short = [shown(value) for value, _ in self.values]
        if len(set(short)) < len(short):
            short = [_text(value) for value, _ in self.values]
        return tuple(zip(short, (names for _, names in self.values), strict=True))


def differences(parties: Mapping[str, Facts]) -> list[Difference]:
    """What the parties' facts differ in, in the order of the facts; a fact one lacks is None."""
    found = []
    for key in dict.fromkeys(key for facts in parties.values() for key in facts):
        values: list[tuple[Any, list[str]]] = []
        for name, facts in parties.items():
            mine = facts.get(key)
            for value, names in values:
                if value == mine:
                    names.append(name)
                    break
            else:
                values.append((mine, [name]))
        if len(values) > 1:
            made = tuple((value, tuple(names)) for value, names in values)
            found.append(Difference(key, made))
    return found


def shown(value: object) -> str:
    """A value on one line, not too long a one."""
    text = _text(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _text(value: object) -> str:
    if value is None:
        return "unknown"
    return value if isinstance(value, str) else json.dumps(value, default=str)


def result_differences(
    results: Mapping[str, Result],
    asked: Mapping[str, Facts] | None = None,
    free: Iterable[str] = FREE,
) -> list[Difference]:
    """What results differ in that must be alike, the causes before what follows from them.

    Args:
        results: by whose they are.
        asked: other parties to the configuration, e.g. the one that all were given.
        free: keys of the configuration that need not be alike.
    """
    configurations = dict(asked or {})
    for name, each in results.items():
        configurations[name] = configuration_facts(each.configuration, free)
    found = differences(configurations)
    found += differences({name: session_facts(each) for name, each in results.items()})
    engines = {name: engines_of(each) for name, each in results.items()}
    for whose in dict.fromkeys(whose for mine in engines.values() for whose in mine):
        told = {name: engine_facts(mine[whose]) for name, mine in engines.items() if whose in mine}
        found += differences(
            {name: _named(whose, facts) if whose else facts for name, facts in told.items()}
        )
    runs = {name: runs_of(each) for name, each in results.items()}
    for label in dict.fromkeys(label for mine in runs.values() for label in mine):
        # A log without settings is a reason of its own against the run it is of.
        having = {
            name: mine[label]
            for name, mine in runs.items()
            if label in mine and mine[label].loadgen.settings_effective
        }
        found += differences({name: run_facts(label, run) for name, run in having.items()})
    return found


def configuration_facts(configuration: Mapping[str, Any], free: Iterable[str] = FREE) -> Facts:
    """The keys that decide what is measured, each with its value as JSON has it."""
    left_out = tuple(free)
    found: dict[str, Any] = {}
    for key in (*leaves(), *(each.rstrip(".") for each in (*FOREIGN, BY_SCENARIO))):
        if key in left_out or key.startswith(REACH):
            continue
        value: Any = configuration
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        # A record of before the harness took an engine's own names says nothing of them.
        found[key] = None if value == {} else value
    return found


def session_facts(result: Result) -> Facts:
    """What was asked and the software that asked it."""
    data, software, engine = result.dataset, result.software, result.engine
    found: dict[str, Any] = {
        "data set SHA-256": data.sha256,
        "data set count": data.count,
        "data set source": data.source,
        # Of the same file another tokeniser makes other prompts.
        "prompt tokens (min, mean, max)": [
            data.prompt_tokens_min,
            data.prompt_tokens_mean,
            data.prompt_tokens_max,
        ],
        "harness": software.harness,
        "harness commit": software.harness_commit,
        "loadgen": software.loadgen,
        "python": software.python,
        "engine": engine.kind if engine else None,
    }
    # Nothing hangs on the packages of an engine without a model.
    if engine is not None and engine.traits.has_model:
        found |= {
            "engine package": software.engine_package,
            "torch": software.torch,
            "transformers": software.transformers,
        }
    return found | {"warm-up queries": result.warmup.requested if result.warmup else None}


def engine_facts(engine: EngineFacts) -> Facts:
    """The engine, its weights, and every setting it was started and asked with."""
    free = (*WHERE, *engine.traits.free, *engine.traits.of_machine)
    return {
        "replicas": engine.replicas,
        "model SHA-256": engine.model_sha256,
        **_named("engine argument", engine.arguments, free),
        **_named("sampling parameter", engine.sampling),
        **_named("engine detail", engine.details, free),
    }


def engines_of(result: Result) -> dict[str, EngineFacts]:
    """Every engine that was ready; by its scenario where settings differ between them, else ""."""
    of_runs = {"": result.engine}
    if result.configuration.get("by_scenario"):
        # Which one was started first depends on the scenarios that were asked for.
        of_runs = {f"{each}:": engine for each, engine in engine_of_each(result).items()}
    return {whose: engine for whose, engine in of_runs.items() if engine is not None}


def run_facts(label: str, run: RunResult) -> Facts:
    """One LoadGen run: its release, its model, its settings as its log has them."""
    log = run.loadgen
    return {
        f"{label}: LoadGen release": log.version,
        f"{label}: LoadGen's model": log.model,
        **_named(f"{label}:", log.settings_effective),
        **_named(f"{label}:", log.settings_requested),
    }


def runs_of(result: Result) -> dict[str, RunResult]:
    """Every LoadGen run of a result, by its name for a person."""
    found = {scenario.value: run for scenario, run in result.scenarios.items()}
    found |= {f"{scenario} accuracy run": run for scenario, run in result.accuracy_runs.items()}
    for scenario, tests in result.compliance_runs.items():
        found |= {f"{scenario} {test} run": run for test, run in tests.items()}
    return found


def machine_facts(result: Result) -> Facts:
    """What may differ and is worth saying: equal work on unequal machines tells of neither."""
    machine = result.hardware
    gpus = [f"{gpu.name}, {gpu.memory_mib} MiB, driver {gpu.driver}" for gpu in machine.gpus]
    return {
        "CPU": machine.cpu_model,
        "CPU sockets": machine.cpu_sockets,
        "cores": machine.cpu_cores,
        "usable threads": machine.cpu_threads_usable,
        "memory in GiB": round(machine.memory_gib),
        "GPUs": gpus,
        "operating system": machine.operating_system,
        "kernel": machine.kernel,
        "CPU governor": machine.cpu_governor or "none",
        **_named("engine detail", _of_machine(result.engine)),
    }


def unproved(result: Result) -> Iterator[str]:
    """What cannot be shown to be alike, though nothing contradicts it."""
    commit = result.software.harness_commit
    if commit is None:
        yield "the harness's commit is not known"
    elif commit.endswith(DIRTY):
        yield f"the harness has changes that are in no commit ({commit})"


def weights_unknown(engine: EngineFacts | None) -> bool:
    """Whether a model answered whose files have no checksum; random weights have no files."""
    if engine is None or engine.traits.weights in ("none", "random"):
        return False
    return engine.model_sha256 is None


def _named(prefix: str, values: Facts, free: Iterable[str] = ()) -> dict[str, Any]:
    left_out = tuple(free)
    return {f"{prefix} {key}": value for key, value in values.items() if key not in left_out}


def _of_machine(engine: EngineFacts | None) -> dict[str, Any]:
    if engine is None:
        return {}
    return {
        name: engine.details[name] for name in engine.traits.of_machine if name in engine.details
    }
