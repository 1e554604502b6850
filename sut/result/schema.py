"""The published result: one JSON object per session, versioned, with a JSON Schema.

Other programs read the names inside `benchmark_info` and the first fields of each scenario, so
these names stay (docs/rules.md, "Names that stay"). A change of any other key raises
SCHEMA_VERSION.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from sut.config.names import Scenario
from sut.metrics import Distribution, Source
from sut.record.facts import (
    CardFacts,
    DatasetFacts,
    EngineFacts,
    FailureGroup,
    HardwareFacts,
    SoftwareFacts,
    WarmupFacts,
)
from sut.record.frozen import Published
from sut.record.surroundings import SurroundingsFacts
from sut.rules.check import Check, Value

SCHEMA_VERSION = "1.10"
UNVERIFIED = "unverified: result not verified by MLCommons Association"

STAMPED = "start of the call, UTC, YYYYMMDD_HHMMSS; names of files have it too"


class BenchmarkInfo(Published):
    """What was run, where and when."""

    benchmark: str = Field(description="e.g. MLPerf Inference v6.1 Datacenter")
    model: str
    timestamp: str = Field(description=STAMPED)
    started_utc: str = Field(
        description="when the engine was ready, or had failed to be; UTC, ISO 8601"
    )
    node: str
    profile: str
    round: str
    benchmark_id: str = Field(description="the submission checker's name of the benchmark")
    model_path: str
    model_revision: str | None
    model_official: bool
    command: list[str]


class Message(Published):
    """LoadGen's errors or warnings that say the same."""

    key: str
    text: str
    count: int


class LoadGenInfo(Published):
    """LoadGen and the settings in force, from its own log."""

    version: str | None
    package: str | None
    model: str = Field(description="the model name given to LoadGen")
    verdict: str | None = Field(description="LoadGen's own VALID or INVALID")
    invalid_reason: str | None
    incomplete: str | None = Field(description="why its logs are not whole")
    settings_effective: dict[str, Value]
    settings_requested: dict[str, Value]
    errors: list[Message]
    warnings: list[Message]


class ReplicaShare(Published):
    """One replica's part of the work."""

    replica: str
    samples: int
    share: float | None = Field(description="of the samples issued, 0 to 1")
    tokens_out: int
    failed: int
    ended_before_last_s: float | None = Field(
        description="how long before the last replica it was done, seconds"
    )
    engine_figures: dict[str, float] = Field(
        description="what its engine measured of itself; empty: nothing, or it is not on Ray"
    )


class Queries(Published):
    """Counts of the ledger."""

    issued: int
    succeeded: int
    failed: int
    empty: int
    late_events: int
    finish_reasons: dict[str, int]
    failures: list[FailureGroup]


class LogFile(Published):
    """One file of the run."""

    name: str
    path: str = Field(description="below the results directory")
    sha256: str


class Evaluation(Published):
    """Accuracy of an accuracy run against the benchmark's references."""

    scorer: str = Field(description="what gave the metrics")
    metrics: dict[str, float | None] = Field(description="null: not measured")
    targets: dict[str, float] = Field(description="least values; none where nothing is to judge by")
    upper_limits: dict[str, float]
    characters: int | None = Field(description="of all answers")
    gen_num: int = Field(description="answers")
    tokens_per_sample: float | None
    judged_against: str | None
    tool: str | None = Field(description="what the scorer found on the machine and needed")
    complete: bool
    problems: list[str] = Field(description="signs of a broken engine")
    notes: list[str] = Field(description="why something was not measured or not judged")
    passed: bool | None = Field(description="null: nothing to judge by, or incomplete")


class CardLimit(Published):
    """The most that the cards used can do at this run's mean lengths: a roofline, no measurement.

    The formulas are those of sut.capacity.roofline, the card's figures its maker's.
    """

    card: str
    cards: int
    prompt_tokens: float = Field(description="mean of the samples asked")
    output_tokens: float = Field(description="mean of the answers")
    batch: int = Field(description="queries that decode together on one replica at most")
    samples_per_s_in_series: float = Field(
        description="where each step either reads prompts or decodes, all cards"
    )
    samples_per_s_overlapped: float = Field(description="where one hides wholly behind the other")
    binding: str = Field(description="the phase that takes longer")
    least_tpot_ms: float = Field(description="one decode step of the whole batch")
    reached: float | None = Field(description="this run's samples/s over those in series")
    mfu: float | None = Field(description="share of the matrix rate used, 0 to 1")
    mbu: float | None = Field(description="share of the bandwidth that decoding used, 0 to 1")


class CardUse(Published):
    """What one card did while LoadGen ran, by NVML once a second; null: it does not tell."""

    uuid: str
    samples: int
    seconds: float = Field(description="from the first sample to the last")
    sm_mhz_median: float | None
    sm_mhz_least: int | None
    power_w_mean: float | None
    power_w_most: float | None
    energy_j: float | None = Field(description="by the card's counter; no MLPerf Power result")
    temperature_c_most: int | None
    busy: float | None = Field(description="share of the time that some kernel ran, 0 to 1")
    memory_used_gib_most: float | None
    held_back: dict[str, float] = Field(
        description="share of the samples in which this held the clocks back, 0 to 1"
    )


class KvCache(Published):
    """Tokens that one replica's KV cache holds: as planned from the card, and as vLLM says."""

    planned_tokens: int
    told_tokens: int | None = Field(
        description="blocks x block size, the least of replicas; null: one did not tell"
    )
    told_by_replica: list[int | None] = Field(
        description="of each replica on Ray, in order; empty: there are none"
    )
    told_over_planned: float | None
    queries_at_once: int = Field(description="of the data set's mean prompt and half an answer")


class OwnEngine(Published):
    """A later start of the engine, for scenarios with settings of their own."""

    settings: dict[str, Any] = Field(
        description="those that the configuration has for the scenario, by their keys"
    )
    engine: EngineFacts | None = Field(description="null: it never became ready")
    warmup: WarmupFacts | None
    kv_cache: KvCache | None = Field(description="null: no card, or not a model that is known")
    cards: list[CardFacts] = Field(description="of this machine, before the engine started")


class RunResult(Published):
    """One LoadGen run."""

    valid: bool
    achieved_qps: float | None = Field(
        description="Offline: samples/s; Server, Interactive: completed samples/s; "
        "SingleStream: 1 / mean latency"
    )
    throughput_tokens_per_sec: float | None
    latency_p99: float | None = Field(description="end to end, ms")
    accuracy: float | None = Field(description="success rate, 0 to 1")
    evaluation: Evaluation | None = Field(
        description="null until there is an accuracy run of the scenario"
    )
    figure_sources: dict[str, Source] = Field(description="whose figure each of the above is")
    mode: str
    test: str | None = Field(description="the compliance test the run is for")
    started_utc: str
    ended_utc: str
    duration_s: float | None = Field(description="what LoadGen holds against min_duration")
    latency: Distribution | None
    ttft: Distribution | None
    tpot: Distribution | None
    tokens_in: int
    tokens_out: int
    mean_output_tokens: float | None
    queries: Queries
    replicas: list[ReplicaShare]
    seeds: dict[str, int | None]
    engine_counters: dict[str, float | None]
    engine_figures: dict[str, float] = Field(
        description="what the engine measured of itself, units in the names; of replicas "
        "pre-emptions are summed, the other figures of load are those of one of them"
    )
    card_limit: CardLimit | None = Field(
        description="null: no card, or one whose figures are not known; or nothing was measured"
    )
    cards: list[CardUse] = Field(description="empty: no card of this machine answered")
    energy_per_token_j: float | None = Field(
        description="energy of the cards over the output tokens; no MLPerf Power result"
    )
    surroundings: SurroundingsFacts | None = Field(
        description="what else ran on this machine meanwhile; null: nobody watched"
    )
    issue_late_ms_p99: float | None = Field(
        description="how late Server's queries came, by the round's schedule and our ledger"
    )
    issue_late_ms_most: float | None
    disturbed_by: list[str] = Field(
        description="what had a part in these figures beside the system, the cause first"
    )
    own_engine: OwnEngine | None = Field(
        None, description="the engine that answered; null: the session's, which was started first"
    )
    engine_failure: str | None
    incidents: list[str] = Field(description="e.g. a replica that was lost")
    audit_config: str | None
    loadgen: LoadGenInfo
    checks: list[Check]
    reasons: list[str] = Field(
        description="every failed check, in words; those that could not be judged, for want of a "
        "figure, only where no other failed"
    )
    advice: list[str] = Field(
        description="what to set so that the run becomes VALID; empty where no setting would do"
    )
    logs: list[LogFile]


class Result(Published):
    """The result of one session: verdict, figures, and everything they rest on."""

    schema_version: Literal["1.10"]
    trust: str = Field(description="the line MLCommons asks of an unverified result")
    benchmark_info: BenchmarkInfo
    valid: bool
    reasons: list[str] = Field(description="why the session is not valid; empty if it is")
    submission_grade: bool
    not_submission_grade_because: list[str]
    scenarios: dict[Scenario, RunResult] = Field(description="performance runs")
    accuracy_runs: dict[Scenario, RunResult] = Field(description="accuracy runs")
    compliance_runs: dict[Scenario, dict[str, RunResult]] = Field(
        description="compliance runs by test"
    )
    warmup: WarmupFacts | None
    engine: EngineFacts | None = Field(
        description="the first that was started; null: it never became ready"
    )
    kv_cache: KvCache | None = Field(description="null: no card, or not a model that is known")
    hardware: HardwareFacts
    software: SoftwareFacts
    dataset: DatasetFacts
    cards: list[CardFacts] = Field(description="of this machine, before the engine started")
    notes: list[str]
    configuration: dict[str, Any] = Field(description="the resolved configuration")
    configuration_origins: dict[str, str] = Field(description="where each value came from")


def _every_run(result: Result) -> list[tuple[Scenario, RunResult]]:
    tests = [
        (scenario, run)
        for scenario, made in result.compliance_runs.items()
        for run in made.values()
    ]
    return [*result.scenarios.items(), *result.accuracy_runs.items(), *tests]


def own_engines(result: Result) -> dict[Scenario, OwnEngine]:
    """The later starts of the engine, by the scenarios that they answered."""
    return {
        scenario: run.own_engine
        for scenario, run in _every_run(result)
        if run.own_engine is not None
    }


def engine_of(result: Result, run: RunResult) -> EngineFacts | None:
    """The engine that answered a run."""
    return result.engine if run.own_engine is None else run.own_engine.engine


def engine_of_each(result: Result) -> dict[Scenario, EngineFacts | None]:
    """The engine that answered each scenario."""
    return {scenario: engine_of(result, run) for scenario, run in _every_run(result)}


def schema_json() -> str:
    """The JSON Schema of `Result`, as it is written to result.schema.json."""
    schema = Result.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"
