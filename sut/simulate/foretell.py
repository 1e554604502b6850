"""What a run would have been with other settings: a prediction, and how far such ones were off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sut.config.keys import Setting, checked, require_known, show, value_of_text
from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.config.vllm_extra import EXTRA, PROMPT_PART
from sut.errors import ConfigError
from sut.plan.forecast import arrivals_ns, foretell
from sut.plan.rate import changed
from sut.plan.settings import effective
from sut.simulate.figures import (
    Against,
    Held,
    against,
    falls_behind,
    figures_of,
    ledger_of,
    limits_held,
)
from sut.simulate.run import Workload, simulate
from sut.simulate.source import Source, batch_limits, dispatch_of
from sut.simulate.step import Floats, StepModel

PREFILL_CAP = f"{EXTRA}{PROMPT_PART}"
ENGINE_KEYS = (
    "engine.replicas",
    "engine.ray.dispatch",
    "engine.vllm.max_num_seqs",
    "engine.vllm.max_num_batched_tokens",
    "engine.vllm.enable_chunked_prefill",
    PREFILL_CAP,
)
MOST_QUERIES = 200_000
"""A simulation of so many takes minutes; more of them show nothing else."""
_SIZE = ("target_qps", "min_query_count", "min_duration_s")
_LIMITS = ("latency_percentile", "ttft_limit_ms", "tpot_limit_ms", "e2e_p99_limit_ms")
# What must be alike for one run to say anything of another.
_ALIKE: Mapping[str, Callable[[Source], object]] = {
    "model": lambda source: source.config.model.name,
    "data set": lambda source: source.record.facts.dataset.sha256,
    "scenario": lambda source: source.run.scenario.value,
    "system": lambda source: source.config.system.name,
    "generation.max_tokens": lambda source: source.config.generation.max_tokens,
}


@dataclass(frozen=True)
class Predicted:
    """A run that was not made.

    Attributes:
        settings: what it differs in from the run that the model is from, as text by key.
        queries: as many as LoadGen would issue.
        figures: by their names.
        limits: each latency limit.
        behind: whether its queue would grow without end.
    """

    settings: dict[str, str]
    queries: int
    figures: dict[str, float | None]
    limits: tuple[Held, ...]
    behind: bool

    @property
    def valid(self) -> bool | None:
        """Whether every latency limit would hold; None where there is none."""
        return all(each.holds for each in self.limits) if self.limits else None


@dataclass(frozen=True)
class Checked:
    """A run that was made, foretold from another.

    Attributes:
        source: the run.
        figures: each foretold and measured.
        predicted: all that is foretold of it.
    """

    source: Source
    figures: list[Against]
    predicted: Predicted


@dataclass(frozen=True)
class Foretold:
    """All that a call says.

    Attributes:
        source: the run that the model is from.
        model: how long a step takes.
        own: that run itself, foretold by its own model: the model's error.
        others: runs that were made, foretold.
        asked: the settings that were asked for; None: none were.
    """

    source: Source
    model: StepModel
    own: list[Against]
    others: list[Checked] = field(default_factory=list)
    asked: Predicted | None = None


def foretell_all(
    source: Source, others: Sequence[Source], settings: Sequence[tuple[str, Any, str]]
) -> Foretold:
    """Fit a model to a run, and say what it foretells.

    Args:
        source: the run.
        others: runs that were made, to hold predictions against.
        settings: (key, text, flag) of the run that is asked for.

    Raises:
        ConfigError: a setting that no simulation reads, or a run of another task.
        LogError: the run is too short.
    """
    for each in others:
        _require_alike(source, each)
    config = with_settings(source, settings) if settings else None
    model = source.model()
    trace = source.recorded.again(model)
    own = figures_of(ledger_of(source.recorded.work, trace), source.run.scenario)
    measured = figures_of(source.run.ledger, source.run.scenario)
    found = [_checked(source, each, model) for each in others]
    shown = {key: show(checked(_setting(key, raw, flag))) for key, raw, flag in settings}
    asked = None if config is None else predict(source, model, config, shown)
    return Foretold(source, model, against(own, measured), found, asked)


def _checked(source: Source, other: Source, model: StepModel) -> Checked:
    differ = {
        key: show(value)
        for key, value in _read(other.config, other.run.scenario).items()
        if value != _read(source.config, source.run.scenario)[key]
    }
    predicted = predict(source, model, other.config, differ)
    measured = figures_of(other.run.ledger, other.run.scenario)
    return Checked(other, against(predicted.figures, measured), predicted)


def predict(
    source: Source, model: StepModel, config: RunConfig, settings: dict[str, str]
) -> Predicted:
    """One run that was not made: its arrivals by the round's seeds, its answers as recorded.

    Its samples follow each other as in the recorded run, from the start again where more are
    needed.

    Raises:
        ConfigError: it would be too large.
    """
    scenario = source.run.scenario
    issued_s = _arrivals(source, config, scenario)
    again = np.arange(len(issued_s)) % len(source.recorded.work)
    of = source.recorded.work
    work = Workload(issued_s, of.sample[again], of.tokens_in[again], of.tokens_out[again])
    replicas = _replicas(config, source)
    policy = dispatch_of(config, scenario, work, replicas)
    trace = simulate(work, batch_limits(config), model, policy(), replicas)
    ledger = ledger_of(work, trace)
    return Predicted(
        settings,
        len(work),
        figures_of(ledger, scenario),
        tuple(limits_held(ledger, config, scenario)),
        falls_behind(ledger, scenario),
    )


def _arrivals(source: Source, config: RunConfig, scenario: Scenario) -> Floats:
    """When LoadGen would issue each query, seconds."""
    rules = load_round(config.round)
    will = effective(config, scenario, source.record.facts.dataset.count, rules)
    expected = foretell(will, rules)
    if expected.queries_expected > MOST_QUERIES:
        section = scenario.section
        raise ConfigError(
            f"LoadGen would ask {expected.queries_expected} queries, and a simulation takes "
            f"{MOST_QUERIES} at most.",
            where=f"{section}.target_qps {will.target_qps:g}",
            remedy=f"Lower it, or shorten the run: --set {section}.min_duration_s=10.",
        )
    if scenario is Scenario.OFFLINE:
        return np.zeros(expected.queries_expected)
    seconds: Floats = arrivals_ns(will, rules) / 1e9
    return seconds


def _replicas(config: RunConfig, source: Source) -> int:
    asked = config.engine.replicas
    if isinstance(asked, int):
        return asked
    return source.recorded.replicas if asked == "all" else 1


def read_keys(scenario: Scenario) -> tuple[str, ...]:
    """The keys that a simulation of this scenario reads."""
    fields = _SIZE if scenario is Scenario.OFFLINE else (*_SIZE, *_LIMITS)
    return (*(f"{scenario.section}.{name}" for name in fields), *ENGINE_KEYS)


def _read(config: RunConfig, scenario: Scenario) -> dict[str, object]:
    """What a simulation reads of a configuration."""
    section = config.section(scenario)
    limits, engine = batch_limits(config), config.engine
    return {
        **{
            key: getattr(section, key.rpartition(".")[2])
            for key in read_keys(scenario)
            if key.startswith(f"{scenario.section}.")
        },
        "engine.replicas": engine.replicas,
        "engine.ray.dispatch": engine.ray.dispatch,
        "engine.vllm.max_num_seqs": limits.sequences,
        "engine.vllm.max_num_batched_tokens": limits.tokens,
        "engine.vllm.enable_chunked_prefill": limits.chunked,
        PREFILL_CAP: limits.prefill_cap,
    }


def _setting(key: str, raw: Any, flag: str) -> Setting:
    return Setting(key, value_of_text(key, raw, flag), flag)


def with_settings(source: Source, settings: Sequence[tuple[str, Any, str]]) -> RunConfig:
    """The configuration of a run with other settings.

    Raises:
        ConfigError: there is no such key, no simulation reads it, or its value is out of bounds.
    """
    readable = read_keys(source.run.scenario)
    changes: dict[str, tuple[Any, str]] = {}
    for key, raw, flag in settings:
        setting = _setting(key, raw, flag)
        require_known(setting)
        if key not in readable:
            raise ConfigError(
                f"{key} is {show(raw)}, but no simulation of {source.run.scenario} reads it.",
                where=flag,
                remedy=f"It reads {', '.join(readable)}.",
            )
        changes[key] = (checked(setting), flag)
    probe = f"{source.run.scenario.section}.probe_rate"
    changes[probe] = (False, "simulate")
    return changed(Loaded(source.config, dict(source.record.origins)), changes).config


def _require_alike(source: Source, other: Source) -> None:
    for name, of in _ALIKE.items():
        if of(source) != of(other):
            raise ConfigError(
                f"{other.name} has {name} {show(of(other))}, and the model is from a run with "
                f"{show(of(source))}, so it says nothing of it.",
                where="--against",
                remedy="Name a run of the same task on the same system.",
            )
