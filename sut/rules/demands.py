"""How much a rule asks: the limits of one run, from the round or from its configuration.

What is asked is said here once; which of the two a judge goes by is his choice. The round's own
demands are the compliance page's and those of `check`. A session's verdict goes by its
configuration, and where the profile relaxes nothing by the stricter of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sut.config.engine_traits import EngineTraits
from sut.config.rounds import BenchmarkRules, Round, ScenarioRules
from sut.config.scenario_sections import ServerConfig
from sut.config.schema import RunConfig
from sut.rules.check import Value
from sut.rules.evidence import Evidence
from sut.rules.planned import planned_settings

UNJUDGED_WEIGHTS = ("none", "random")


@dataclass(frozen=True)
class Demands:
    """What is asked of one LoadGen run; None: nothing is known, which fails what needs it."""

    origin: str
    """Whose figures these are: the configuration's, or those of a round."""
    round_name: str
    seeds: Mapping[str, int] = field(default_factory=dict)
    releases: tuple[str, str] | None = None
    min_duration_s: float | None = None
    min_samples: int | None = None
    percentile: float | None = None
    ttft_limit_ms: float | None = None
    tpot_limit_ms: float | None = None
    latency_p99_limit_ms: float | None = None
    """A limit of our own; no round has one."""
    dataset_count: int | None = None
    loadgen_model: str | None = None
    max_tokens: int | None = None
    min_success_rate: float = 1.0
    success_origin: str = "inference_rules.adoc §5.1"
    error_lines: int = 0
    """ERROR lines that the ledger explains; only a relaxed profile allows any."""
    answers: int | None = None
    """Answers that an accuracy run must have."""
    alarms_fail: bool = True
    """Whether signs of a broken engine make an accuracy run fail."""
    accuracy_min: Mapping[str, float] | None = None
    """The round's targets; None: those that the run was evaluated with are its own."""
    accuracy_max: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Value] = field(default_factory=dict)
    """What user.conf, and audit.config where there is one, set."""
    fixed_settings: Mapping[str, Value] = field(default_factory=dict)
    """What nobody may set otherwise, by LoadGen's keys."""

    @property
    def latency_limits_ms(self) -> dict[str, float | None]:
        """The limits of a percentile, by kind of time."""
        return {"TTFT": self.ttft_limit_ms, "TPOT": self.tpot_limit_ms}


def round_demands(
    round_: Round,
    benchmark: BenchmarkRules | None,
    rules: ScenarioRules | None,
    settings: Mapping[str, Value] | None = None,
    *,
    own_model: bool = True,
) -> Demands:
    """What the round asks in the closed division, unrelaxed.

    A model that is not the benchmark's own is held to its own reference.
    """
    bounds = benchmark if own_model else None
    return Demands(
        origin=f"round {round_.name}",
        round_name=round_.name,
        seeds=round_.seeds.model_dump(),
        releases=round_.loadgen_versions,
        min_duration_s=rules.min_duration_ms / 1000 if rules else None,
        min_samples=rules.min_query_count if rules else None,
        percentile=rules.latency_percentile if rules else None,
        ttft_limit_ms=rules.ttft_limit_ms if rules else None,
        tpot_limit_ms=rules.tpot_limit_ms if rules else None,
        dataset_count=benchmark.dataset_count if benchmark else None,
        loadgen_model=rules.loadgen_model if rules else None,
        max_tokens=benchmark.max_tokens if benchmark else None,
        answers=benchmark.dataset_count if benchmark else None,
        accuracy_min=bounds.accuracy_min if bounds else None,
        accuracy_max=bounds.accuracy_max if bounds else {},
        settings=settings or {},
        fixed_settings=round_.fixed_settings,
    )


def run_demands(evidence: Evidence) -> Demands:
    """What a session's verdict asks of its run: its configuration, and the round if strict."""
    config, scenario, round_ = evidence.config, evidence.scenario, evidence.round
    ours, benchmark, strict = config.section(scenario), evidence.benchmark, evidence.strict
    rules = evidence.rules if strict else None
    latency = ours if isinstance(ours, ServerConfig) else None
    counts, bounds = evidence.counts, benchmark if _judged_by_round(evidence) else None
    return Demands(
        origin=f"round {config.round}" if rules else "configuration",
        round_name=config.round,
        seeds=round_.seeds.model_dump() if round_ else {},
        releases=round_.loadgen_versions if round_ else None,
        min_duration_s=max(ours.min_duration_s, rules.min_duration_ms / 1000 if rules else 0),
        min_samples=max(ours.min_query_count, rules.min_query_count if rules else 0),
        percentile=_percentile(latency, rules),
        ttft_limit_ms=_limit("ttft_limit_ms", rules, latency),
        tpot_limit_ms=_limit("tpot_limit_ms", rules, latency),
        latency_p99_limit_ms=latency.e2e_p99_limit_ms if latency else None,
        dataset_count=benchmark.dataset_count if benchmark else None,
        loadgen_model=evidence.rules.loadgen_model if evidence.rules else None,
        max_tokens=config.generation.max_tokens,
        min_success_rate=1.0 if strict else config.validity.min_success_rate,
        success_origin="mlperf profile" if strict else "configuration",
        error_lines=0 if strict or counts is None else counts.failed + counts.empty,
        answers=evidence.session.dataset.count,
        alarms_fail=alarms_fail(config, evidence.traits),
        accuracy_min=bounds.accuracy_min if bounds else None,
        accuracy_max=bounds.accuracy_max if bounds else {},
        settings=planned_settings(evidence) or {},
    )


def _judged_by_round(evidence: Evidence) -> bool:
    """Whether the round's own targets hold; accuracy.json is written after the run."""
    config = evidence.config
    own = config.model.official and not evidence.session.dataset.synthetic
    return evidence.strict and own and evidence.traits.has_model


def _percentile(latency: ServerConfig | None, rules: ScenarioRules | None) -> float | None:
    if latency is None:
        return None
    return rules.latency_percentile if rules else latency.latency_percentile


def _limit(name: str, rules: ScenarioRules | None, latency: ServerConfig | None) -> float | None:
    """The round's limit, else the configuration's."""
    found: float | None = getattr(rules, name, None)
    return getattr(latency, name, None) if found is None else found


def alarms_fail(config: RunConfig, traits: EngineTraits) -> bool:
    """Whether signs of a broken engine make an accuracy run INVALID.

    They do wherever a model answers. Nonsense is what an engine without a model and random weights
    give, and rehearsals want nothing else of them; a smoke test is made to find it, whatever gave
    it.
    """
    return config.validity.alarms_fail or traits.weights not in UNJUDGED_WEIGHTS
