"""The one validated, frozen object that says what a run does.

Every field carries its unit, bounds and description; YAML keys, `--set` keys and the
environment variables of `flags.ENVIRONMENT` all name fields of this tree. Values are
layered by `sources.load`; nothing else in the project reads the environment or YAML.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from sut.config.engine_kinds import engine_kind
from sut.config.engine_traits import NO_MODEL, EngineOptions, EngineTraits
from sut.config.names import ModeChoice, Scenario
from sut.config.quantities import (
    DelayMs,
    GeneratedCount,
    Parallel,
    SampleCount,
    Seed,
    TimeoutS,
    TokenCount,
    TokenCountOrNone,
    TokenId,
)
from sut.config.ray_config import RayConfig
from sut.config.scenario_sections import OfflineConfig, ServerConfig, SingleStreamConfig
from sut.config.shipped import DEFAULT_ROUND
from sut.config.strict import Strict
from sut.config.vllm_options import VllmConfig
from sut.errors import ConfigError


class ModelConfig(Strict):
    """Which weights answer, and which MLPerf benchmark they stand for."""

    name: str = Field(description="our name for it: a file in user_confs/models")
    path: str = Field(description="folder with the weights, or a Hugging Face id")
    revision: str | None = Field(None, description="revision of a Hugging Face id")
    benchmark: str = Field(description="benchmark id of the submission checker, as in the round")
    loadgen_model: str | None = Field(
        None, description="model name LoadGen knows the rules by; the round supplies it"
    )
    official: bool = Field(
        False, description="whether these are the benchmark's own weights; else never submittable"
    )
    context_tokens: TokenCount = Field(description="longest prompt plus output, tokens")
    vocab_size: TokenCount = Field(description="token ids are below this")
    eos_token_ids: tuple[TokenId, ...] = Field(
        description="every id that ends an answer", min_length=1
    )
    prompt_format: str = Field(description="a file of user_confs/prompts")


class DatasetConfig(Strict):
    """What is asked. `sample` is shipped, `synthetic` is generated, else a path."""

    source: Literal["sample", "synthetic", "file"] = "sample"
    path: Path | None = Field(None, description="the data set's file, for source: file")
    allow_pickle: bool = Field(False, description="read .pkl files, which can run code")
    synthetic_count: GeneratedCount = Field(100, description="samples to generate")
    synthetic_seed: Seed = Field(20251, description="seed of the generator")
    max_samples: SampleCount | None = Field(None, description="use only the first so many samples")

    @model_validator(mode="after")
    def _file_needs_path(self) -> DatasetConfig:
        if (self.source == "file") != (self.path is not None):
            raise ValueError("path goes with source: file, and source: file needs a path")
        return self


class GenerationConfig(Strict):
    """Greedy decoding, fixed by the rules (inference_rules.adoc 9.4); only the lengths are free."""

    max_tokens: TokenCount = Field(64, description="output tokens per query at most")
    min_tokens: TokenCountOrNone = Field(1, description="output tokens per query at least")

    @model_validator(mode="after")
    def _ordered(self) -> GenerationConfig:
        if self.min_tokens > self.max_tokens:
            raise ValueError("min_tokens must not exceed max_tokens")
        return self


class LoadGenConfig(Strict):
    """How LoadGen itself is run."""

    enable_trace: bool = Field(True, description="write LoadGen's per-query trace")
    silence_timeout_s: TimeoutS = Field(
        30.0, description="seconds without a pulse of LoadGen's process until it counts as dead"
    )
    performance_sample_count: SampleCount | None = Field(
        None, description="samples LoadGen cycles through; null: the whole data set"
    )


class ComplianceConfig(Strict):
    """The tests that compliance runs are made for."""

    tests: tuple[str, ...] = Field((), description="tests to run, e.g. TEST06")
    audit_config: Path | None = Field(
        None,
        description="the audit.config to run under; null: audit/<test>/audit.config. One in the "
        "working directory is never read",
    )

    @model_validator(mode="after")
    def _one_file_for_one_test(self) -> ComplianceConfig:
        if self.audit_config is not None and len(self.tests) > 1:
            raise ValueError("audit_config goes with one test; name it in tests")
        return self


class WarmupConfig(Strict):
    """Queries answered before LoadGen's clock starts, on prompts outside the data set."""

    queries: int = Field(10, ge=0, le=10_000, description="number of warm-up queries")
    timeout_s: TimeoutS = Field(600.0, description="seconds until warm-up counts as failed")
    probe_reuse: bool = Field(
        False, description="ask the same prompts twice after it, and record what was reused"
    )


class ValidityConfig(Strict):
    """What we ask beyond LoadGen's own verdict."""

    min_success_rate: float = Field(0.99, ge=0, le=1, description="share of queries that succeed")
    alarms_fail: bool = Field(
        False,
        description="whether looping, empty or alike answers fail an accuracy run of any engine; "
        "those of a model's own weights always do",
    )
    others_cpu_share: float | None = Field(
        0.25,
        ge=0,
        le=1,
        description="most of the processor that other programs may use during a performance run; "
        "beyond it the result says so, and in mlperf is INVALID; null: not asked",
    )


class NullConfig(EngineOptions):
    """The engine that answers without a model: measures the harness, never a system."""

    tokens: TokenCount = Field(64, description="tokens in every answer")
    ttft_ms: DelayMs = Field(0.0, description="delay of the first token, ms")
    tpot_ms: DelayMs = Field(0.0, description="delay per further token, ms")
    slots: TokenCount | None = Field(None, description="queries at once; null: any number")

    def planned(self) -> EngineTraits:
        """No model answers, and any number of queries at once."""
        return EngineTraits(weights=NO_MODEL, cards_per_replica=0)


class EngineConfig(Strict):
    """Which engine answers and how it is set."""

    kind: str = Field("vllm", description="vllm, null, or the name of another package's engine")
    replicas: Parallel | Literal["all"] | None = Field(
        None, description="replicas on Ray, or all that fit; null: one, in this process"
    )
    start_timeout_s: TimeoutS = Field(900.0, description="seconds until it must be ready")
    stall_timeout_s: TimeoutS = Field(
        600.0, description="seconds without any answer, with queries open, until it counts as hung"
    )
    step_timeout_s: TimeoutS = Field(
        10.0,
        description="seconds vLLM may owe the answer it gives between two steps until it counts as "
        "hung; on a CPU 3 times the longest of the warm-up, if that is more",
    )
    environment: tuple[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ...] = Field(
        (),
        description="variables of the environment that change the engine and are meant to; "
        "stated in the result",
    )
    vllm: VllmConfig = Field(default_factory=VllmConfig)
    null: NullConfig = Field(default_factory=NullConfig)
    ray: RayConfig = Field(default_factory=RayConfig)
    options: dict[str, Any] = Field(
        default_factory=dict, description="settings of another package's engine, by its own names"
    )

    @property
    def elsewhere(self) -> bool:
        """Whether it is a cluster's nodes that read the weights, and this machine need not."""
        return self.replicas is not None and self.ray.address is not None

    @property
    def own(self) -> EngineOptions | None:
        """The settings of the engine that is named; None of one that is not installed here.

        A session is read where its engine is not, too: `sut.config.sources` refuses to run it.
        """
        if self.kind in engine_sections():
            section: EngineOptions = getattr(self, self.kind)
            return section
        with suppress(ConfigError, ValidationError):
            return engine_kind(self.kind).options.model_validate(self.options)
        return None

    @property
    def settings(self) -> object:
        """The settings of the engine that is named, installed here or not; those alone start it."""
        return getattr(self, self.kind) if self.kind in engine_sections() else self.options

    def planned(self) -> EngineTraits:
        """What the engine will be, as far as its settings say."""
        own = self.own
        return EngineTraits() if own is None else own.planned()

    def tuned(self) -> dict[str, Any]:
        """Settings without a key of the harness, by the engine's names."""
        own = self.own
        return {} if own is None else dict(own.tuned())

    def key_of(self, trait: str) -> str | None:
        """The dotted key that decides a trait; None where no setting does."""
        own = self.own
        field = None if own is None else own.decides.get(trait)
        return None if field is None else f"{self.prefix}{field}"

    @property
    def prefix(self) -> str:
        """How the keys of its own settings begin."""
        return f"engine.{self.kind if self.kind in engine_sections() else 'options'}."


@cache
def engine_sections() -> frozenset[str]:
    """The kinds of engine whose settings have a section of their own in `EngineConfig`."""
    annotations = {name: field.annotation for name, field in EngineConfig.model_fields.items()}
    return frozenset(
        name
        for name, kind in annotations.items()
        if isinstance(kind, type) and issubclass(kind, EngineOptions)
    )


class SystemConfig(Strict):
    """The machine class the engine settings were chosen for."""

    name: str = Field(description="a file in user_confs/systems")
    platform: Literal["cpu", "cuda"] = "cpu"
    accelerator: str | None = Field(None, description="the card these settings are for")
    measured: bool = Field(False, description="whether these settings were run on that hardware")
    fitted: bool = Field(
        False,
        description="whether rates and sizes that its file leaves out follow from the card's "
        "figures (docs/capacity.md)",
    )


class RunConfig(Strict):
    """Everything that decides a run."""

    profile: Literal["quick", "mlperf"] = "quick"
    round: str = Field(DEFAULT_ROUND, description="MLPerf Inference round whose rules apply")
    scenarios: tuple[Scenario, ...] = Field(
        (Scenario.OFFLINE, Scenario.SERVER), min_length=1, description="run in this order"
    )
    mode: ModeChoice = Field(
        ModeChoice.PERFORMANCE, description="both: performance and accuracy; all: compliance too"
    )
    node_name: str = Field(pattern=r"^[A-Za-z0-9._-]+$", description="names the result files")
    results_dir: Path = Path("results/mlperf_datacenter")
    system: SystemConfig
    model: ModelConfig
    dataset: DatasetConfig = Field(default_factory=DatasetConfig)
    generation: GenerationConfig = Field(default_factory=GenerationConfig)
    offline: OfflineConfig = Field(default_factory=OfflineConfig)
    server: ServerConfig = Field(default_factory=ServerConfig)
    interactive: ServerConfig = Field(default_factory=ServerConfig)
    single_stream: SingleStreamConfig = Field(default_factory=SingleStreamConfig)
    loadgen: LoadGenConfig = Field(default_factory=LoadGenConfig)
    compliance: ComplianceConfig = Field(default_factory=ComplianceConfig)
    warmup: WarmupConfig = Field(default_factory=WarmupConfig)
    validity: ValidityConfig = Field(default_factory=ValidityConfig)
    engine: EngineConfig = Field(default_factory=EngineConfig)
    by_scenario: dict[Scenario, dict[str, Any]] = Field(
        default_factory=dict,
        description="settings of the engine that have another value in one scenario, as a tree",
    )

    @model_validator(mode="after")
    def _each_is_an_engine(self) -> RunConfig:
        for scenario, own in self.by_scenario.items():
            try:
                self.of(scenario)
            except ValidationError as error:
                first = error.errors()[0]
                place = ".".join(str(part) for part in first["loc"])
                raise ValueError(f"{scenario.value}.engine.{place}: {first['msg']}") from None
            if own.keys() - {"engine"}:
                raise ValueError(f"{scenario.value} has more than settings of the engine")
        return self

    def of(self, scenario: Scenario) -> RunConfig:
        """The configuration in one scenario: with the engine that answers it."""
        own = self.by_scenario.get(scenario, {}).get("engine")
        if not own:
            return self
        tree = _over(self.engine.model_dump(), own)
        return self.model_copy(update={"engine": EngineConfig.model_validate(tree)})

    def engine_starts(self) -> list[tuple[Scenario, ...]]:
        """The scenarios that one start of the engine serves, start by start.

        Those with equal settings share a start; the starts are in the order of their first one.
        """
        found: list[tuple[object, list[Scenario]]] = []
        for scenario in self.scenarios:
            settings = self.of(scenario).engine.settings
            mine = next((served for each, served in found if each == settings), None)
            if mine is None:
                found.append((settings, [scenario]))
            else:
                mine.append(scenario)
        return [tuple(served) for _, served in found]

    def latency_rules(self, scenario: Scenario) -> ServerConfig:
        """The Server-like section that rules `scenario` (Server or Interactive)."""
        return self.interactive if scenario is Scenario.INTERACTIVE else self.server

    def section(self, scenario: Scenario) -> OfflineConfig | ServerConfig | SingleStreamConfig:
        """The section that sizes a run of `scenario`."""
        found: OfflineConfig | ServerConfig | SingleStreamConfig = getattr(self, scenario.section)
        return found


def _over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """A tree with the values of another in place of its own."""
    return below | {
        name: _over(below[name], value)
        if isinstance(value, dict) and isinstance(below.get(name), dict)
        else value
        for name, value in above.items()
    }
