"""What a session writes down that LoadGen's logs do not hold: the input of every later step.

The harness fills `session.json` and each run's `run.json`. What is worked out afterwards,
`accuracy.json` of an accuracy run and `verification.json` of a compliance run, has its types here
too. Reading them needs no engine and no LoadGen. Missing is None, never 0.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from sut.capacity.model_shape import ModelShape
from sut.config.engine_traits import EngineTraits
from sut.config.schema import RunConfig
from sut.record.clock import ClockFacts
from sut.record.engine_before import with_traits
from sut.record.frozen import Facts, Utc
from sut.record.quantize_record import QuantizeFacts
from sut.record.surroundings import SurroundingsFacts


class GpuFacts(Facts):
    """One GPU as nvidia-smi names it."""

    name: str
    uuid: str
    memory_mib: int | None = Field(description="null where nvidia-smi does not tell it")
    driver: str


class CardFacts(Facts):
    """A card before the engine started, by NVML; null: it does not tell."""

    uuid: str
    cuda: str | None = Field(None, description="highest CUDA that the driver runs")
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    ecc: bool | None = None
    mig: bool | None = None
    persistence: bool | None = None
    sm_mhz_max: int | None = None
    memory_mhz_max: int | None = None
    power_limit_mw: int | None = Field(None, description="in force")
    power_limit_default_mw: int | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = Field(None, description="lanes in use")
    pcie_width_max: int | None = None
    processes: int | None = Field(None, description="that compute on it, of anybody")


class HardwareFacts(Facts):
    """The machine as it was found."""

    host: str
    operating_system: str
    kernel: str
    cpu_model: str | None
    cpu_sockets: int | None
    cpu_cores: int = Field(description="physical cores")
    cpu_threads_usable: int = Field(description="hardware threads this process may run on")
    memory_gib: float
    cpu_governor: str | None = Field(description="scaling governor; null where there is none")
    gpus: list[GpuFacts]


class SoftwareFacts(Facts):
    """Versions in force."""

    python: str
    harness: str
    harness_commit: str | None
    loadgen: str | None
    engine_package: str | None = Field(description="of the engine, with its version")
    torch: str | None
    transformers: str | None


class DatasetFacts(Facts):
    """The data set as it was loaded."""

    name: str
    source: str = Field(description="sample, synthetic or file")
    path: str | None
    sha256: str = Field(description="of the file, or of the generated token ids")
    count: int
    synthetic: bool
    prompt_tokens_min: int
    prompt_tokens_mean: float
    prompt_tokens_max: int


class VariableFacts(Facts):
    """A variable of the environment that can change an engine, as the engine found it."""

    name: str
    value: str | None = Field(description="null: a secret")
    given_by: Literal["user", "harness", "engine"]
    harmless: bool = Field(description="whether it is known to change no answer and no time")


class EngineFacts(Facts):
    """The engine that answered."""

    kind: str
    replicas: int
    cards: list[str] | None = Field(
        None, description="UUIDs of the cards it was given; null: any of the machine's"
    )
    traits: EngineTraits = Field(description="what rules ask of an engine, in neutral words")
    arguments: dict[str, Any] = Field(description="every argument it was started with")
    sampling: dict[str, Any] = Field(description="sampling parameters of every query")
    start_s: float = Field(description="seconds from start to ready")
    model_path: str | None
    model_sha256: str | None = Field(description="over the weight files; null for a null engine")
    model_recognised: str | None = Field(
        None, description="the official model whose config.json the weights have; null: none's"
    )
    model_config_sha256: str | None = Field(None, description="of the weights' config.json")
    model_shape: ModelShape | None = Field(
        None, description="sizes that config.json gives; null: not a Llama-like model"
    )
    quantised_to: str | None = Field(
        None, description="what config.json says the weights hold, e.g. w8a8; null: as published"
    )
    details: dict[str, Any] = Field(description="what the engine says of itself once ready")
    environment: list[VariableFacts] | None = Field(
        None, description="variables that can change it; null: not on record"
    )

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, document: Any) -> Any:
        """A record of before engines told their traits reads like any other."""
        return with_traits(document) if isinstance(document, dict) else document


class WarmupFacts(Facts):
    """Queries answered before LoadGen's clock."""

    requested: int
    succeeded: int
    duration_s: float
    failures: list[str]


class ProbeFacts(Facts):
    """Prompts asked twice before LoadGen's clock, to see whether the engine reuses its work."""

    prompts: int = Field(description="that were asked twice, outside the data set")
    prompt_tokens: int = Field(description="of each")
    replicas: int = Field(description="replicas that answered each prompt both times")
    first_s: list[float] = Field(description="seconds to the answer of one token, prompt by prompt")
    again_s: list[float] = Field(description="the same, when it was asked again at once")
    hit_tokens: dict[str, float] = Field(
        description="the engine's counters of reused tokens over the probe; empty: it has none"
    )
    failures: list[str]


class RateStep(Facts):
    """Queries at one rate, before LoadGen's clock, and how long they took at their percentiles."""

    scenario: str
    qps: float
    queries: int
    ttft_ms: float
    tpot_ms: float | None = Field(description="null: answers of one token")
    latency_ms: float = Field(description="the longest, end to end")
    held: bool = Field(description="whether each stayed well below its limit")


class RateProbeFacts(Facts):
    """What the engine does in a second, before LoadGen's clock; sets each rate that is auto."""

    samples: int = Field(description="asked at once, and answered")
    duration_s: float
    steps: list[RateStep] = Field(default_factory=list)
    failure: str | None = Field(None, description="why no rate was measured")


class SessionFacts(Facts):
    """`session.json`: true for every run of one engine start. A second has `session.2.json`."""

    session_id: str | None = Field(None, description="drawn at the start; null: of no session")

    started_utc: Utc = Field(description="when the engine was ready, or had failed to be; ISO 8601")
    timestamp: str | None = Field(
        None, description="what its folder is named after, YYYYMMDD_HHMMSS; null: not on record"
    )
    command: list[str]
    hardware: HardwareFacts
    software: SoftwareFacts
    dataset: DatasetFacts
    engine: EngineFacts | None = Field(description="null if it never became ready")
    tokenizer_sha256: str | None = Field(
        None, description="over what turns ids into text in the model's folder; null: not on record"
    )
    quantised: QuantizeFacts | None = Field(
        None, description="how the weights were made, by the record beside them; null: none is"
    )
    warmup: WarmupFacts | None
    reuse_probe: ProbeFacts | None = Field(None, description="null: it was not made")
    rate_probe: RateProbeFacts | None = Field(None, description="null: it was not made")
    cards: list[CardFacts] = Field(
        [], description="the cards of this machine before the engine started, by NVML"
    )
    notes: list[str] = Field(description="things a reader should know, e.g. a stray audit.config")


def traits_of(config: RunConfig, facts: SessionFacts) -> EngineTraits:
    """What the engine told; of one that never became ready, what its settings plan."""
    return facts.engine.traits if facts.engine is not None else config.engine.planned()


class FailureGroup(Facts):
    """Failed samples with one cause."""

    reason: str
    count: int
    first_seq: int


class ReplicaFacts(Facts):
    """One replica's share."""

    replica: str
    samples: int
    tokens_out: int
    failed: int
    last_done_ns: int | None = Field(
        description="end of its last sample, ns of the harness's clock"
    )


class LedgerFacts(Facts):
    """Counts over the run; issued = succeeded + empty + failed once it is closed."""

    issued: int
    succeeded: int
    failed: int
    empty: int = Field(description="ended properly but with no token besides an end-of-sequence")
    late_events: int = Field(description="events for samples already ended, dropped")
    answers_recorded: bool = Field(
        False, description="whether ledger.parquet has each answer's last token and checksum"
    )
    tokens_in: int
    tokens_out: int = Field(description="of samples that did not fail, as given to LoadGen")
    first_issue_ns: int | None
    last_done_ns: int | None
    finish_reasons: dict[str, int]
    failures: list[FailureGroup]
    replicas: list[ReplicaFacts]


class SessionOfRun(Facts):
    """Whose run it is: the session's id, and its files as they were when the run began."""

    session_id: str | None
    config_sha256: str = Field(description="of config.json")
    facts_sha256: str = Field(description="of the file that facts_file names")
    facts_file: str = Field(
        "session.json", description="tells the engine that answered, and its settings"
    )


class RunFacts(Facts):
    """`run.json`: one LoadGen run."""

    session: SessionOfRun | None = Field(None, description="null: it is not known whose it is")

    scenario: str = Field(
        pattern="^(Offline|Server|Interactive|SingleStream)$",
        description="Offline, Server, Interactive or SingleStream",
    )
    mode: str = Field(
        pattern="^(performance|accuracy|compliance)$",
        description="performance, accuracy or compliance",
    )
    test: str | None = Field(description="the compliance test the run is for, e.g. TEST06")
    started_utc: Utc
    ended_utc: Utc
    loadgen_model: str
    loadgen_package: str | None = Field(description="version of the installed mlcommons-loadgen")
    loadgen_returned: bool = Field(description="whether StartTest came back by itself")
    loadgen_exit: str | None = Field(description="why LoadGen's process ended otherwise")
    engine_failure: str | None = Field(description="one line naming an engine fault; null if none")
    interrupted: bool
    audit_config: str | None = Field(description="path given to LoadGen; null for none")
    audit_config_sha256: str | None
    expected_settings: dict[str, Any] = Field(
        description="effective_* keys of LoadGen's log and the value the rules and config ask for"
    )
    ledger: LedgerFacts
    clock: ClockFacts | None = Field(None, description="null: the clocks were not watched")
    surroundings: SurroundingsFacts | None = Field(
        None, description="null: nobody watched the machine"
    )
    engine_counters: dict[str, float | None] = Field(
        description="the engine's own counters over the run, e.g. prefix_cache_hit_tokens"
    )
    engine_figures: dict[str, float] = Field(
        description="what the engine measured of itself, units in the names"
    )
    replica_figures: dict[str, dict[str, float]] = Field(
        {}, description="the same of each replica's engine, by the replica's number"
    )
    incidents: list[str] = Field(description="e.g. a replica that was lost; any is INVALID")
    log_sha256: dict[str, str] = Field(
        description="LoadGen's files, user.conf and ledger as the run left them, by name"
    )


class AccuracyMetric(Facts):
    """One metric of the accuracy evaluation, by the submission checker's name."""

    name: str = Field(description="as in accuracy_min of the round's file")
    value: float | None = Field(description="null: not measured")
    target: float | None = Field(description="least value; null: nothing to hold it to")
    upper_limit: float | None
    passed: bool | None = Field(description="null: not measured, or nothing to hold it to")


class ScoredWith(Facts):
    """What an accuracy log was scored with, by content."""

    tokenizer_sha256: str | None = Field(description="null: there is none that could be opened")
    dataset_sha256: str
    own: bool | None = Field(
        description="whether both are those that session.json has; null: nothing is on record"
    )


class AccuracyFacts(Facts):
    """`accuracy.json`: an accuracy log against the data set's references."""

    scorer: str = Field(description="a file of sut/accuracy/scorers")
    metrics: list[AccuracyMetric]
    characters: int | None = Field(description="of all answers, as they were scored")
    gen_num: int = Field(description="answers evaluated")
    tokens_per_sample: float | None
    judged_against: str | None = Field(description="whose targets; null: there are none")
    tool: str | None = Field(
        description="what the scorer found on the machine and needed; null: nothing"
    )
    complete: bool = Field(description="whether every metric that is judged was measured")
    passed: bool | None = Field(description="null: nothing to judge by, or incomplete")
    empty_share: float
    looping_share: float
    identical_share: float
    success_rate: float | None = Field(description="share that ended properly and is not empty")
    problems: list[str] = Field(description="alarms of a broken engine, in words")
    notes: list[str] = Field([], description="why a metric was not measured, or not judged")
    scored_with: ScoredWith | None = Field(None, description="null: written before it was recorded")
    log_sha256: str = Field(description="of the mlperf_log_accuracy.json evaluated")

    @model_validator(mode="before")
    @classmethod
    def _of_before_scorers(cls, document: Any) -> Any:
        """A file from when all answers were scored by ROUGE: it says so by its keys."""
        if not isinstance(document, dict) or "scorer" in document:
            return document
        new = {"gen_len": "characters", "sentence_splitter": "tool"}
        return {"scorer": "rouge"} | {new.get(key, key): each for key, each in document.items()}


class Verified(Facts):
    """One condition of a compliance test; the fields of a Check."""

    name: str
    measured: bool | int | float | str | None
    limit: bool | int | float | str | None
    comparison: str
    unit: str | None
    source: str
    passed: bool


class VerificationFacts(Facts):
    """`verification.json`: what a compliance test found in the logs of its run."""

    test: str
    checks: list[Verified]
    passed: bool
    log_sha256: str = Field(description="of the mlperf_log_accuracy.json verified")
