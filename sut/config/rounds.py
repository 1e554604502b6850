"""MLPerf Inference rounds as data: `user_confs/rounds/<round>.yaml`, each figure with its source.

Nothing of a round stands in code; this module only gives the files their types.
`round_files` reads them, those that a round extends as well.
"""

from __future__ import annotations

from functools import cache

from pydantic import Field, PositiveInt, ValidationError, model_validator

from sut.config import shipped
from sut.config.names import Scenario
from sut.config.natural import near_one
from sut.config.round_files import round_leaves, tree
from sut.config.strict import Strict
from sut.errors import ConfigError

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


class DatasetLengths(Strict):
    """How long a data set's prompts and references are, tokens; see `qsl.synthetic.Lengths`."""

    mean: float = Field(gt=0)
    deviation: float = Field(gt=0)
    shortest: PositiveInt
    longest: PositiveInt
    reference_shortest: PositiveInt
    reference_longest: PositiveInt


class DatasetSource(Strict):
    """What `prepare-dataset` makes the data set's file of; see `qsl.prepare.SourceForm`."""

    name: str
    split: str
    calibration_split: str
    text: str = Field(description="column that is asked about")
    reference: str = Field(description="column that the answers are held to")
    id: str = Field(description="column by which the calibration's samples are listed")


class CalibrationList(Strict):
    """The only samples that quantised weights of the closed division may be calibrated with."""

    file: str = Field(description="where it lies in MLCommons' repository")
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="of the file's bytes")
    count: PositiveInt = Field(description="samples; a subset may be used")


class BenchmarkRules(Strict):
    """One benchmark of one round."""

    system_type: str = Field(description="datacenter or edge")
    dataset: str
    dataset_count: PositiveInt = Field(description="samples; also performance_sample_count")
    dataset_lengths: DatasetLengths | None = Field(
        None, description="null: no synthetic data set can be drawn"
    )
    dataset_source: DatasetSource | None = Field(
        None, description="null: MLCommons' own file is the only one"
    )
    calibration_list: CalibrationList | None = Field(
        None, description="null: no calibration can be shown to be of the official samples"
    )
    max_tokens: PositiveInt
    min_tokens: int = Field(ge=0)
    scenarios: dict[Scenario, ScenarioRules]
    required: tuple[Scenario, ...] = Field(description="scenarios a submission must hold")
    one_of: tuple[Scenario, ...] = Field((), description="of these at least one as well")
    scorer: str = Field(description="a file of sut/accuracy/scorers: what gives the metrics")
    accuracy_min: dict[str, float] = Field(description="metric (checker's name) → least value")
    accuracy_max: dict[str, float] = Field(default_factory=dict)
    accuracy_possible: dict[str, float] = Field(
        default_factory=dict, description="metric → what it cannot exceed, whatever the answers"
    )
    reference_min: dict[str, float] = Field(
        default_factory=dict,
        description="metric → least share of a reference's own value, for other weights",
    )
    reference_max: dict[str, float] = Field(default_factory=dict)
    identical_share_max: float | None = Field(
        None, ge=0, le=1, description="answers like another sample's; null: they may be alike"
    )
    compliance_tests: tuple[str, ...] = ()
    edge: str | None = Field(
        None, description="the benchmark that lends the scenarios which this one lacks"
    )
    aliases: tuple[str, ...] = Field(
        (), description="other spellings of its id that the official checker takes in a tree"
    )


class Layout(Strict):
    """Where things lie below `<division>/<submitter>/`; the names in braces are filled in."""

    systems: str
    source: str = Field(description="our code that talks to LoadGen")
    documentation: str
    measurements: str = Field(description="folder of user.conf, README.md and the file below")
    measurements_file: str
    performance: str
    accuracy: str
    compliance: str


class AccuracyLogRules(Strict):
    """How the accuracy log is shortened; its whole SHA-256 goes into accuracy.txt."""

    max_bytes: PositiveInt = Field(description="a longer one was not shortened")
    kept_characters: PositiveInt = Field(description="kept at either end")
    separator: str


class SystemFileRules(Strict):
    """What the checker asks of systems/<system>.json."""

    statuses: tuple[str, ...]
    types: tuple[str, ...]
    integers: tuple[str, ...] = Field(description="keys whose text must convert to an integer")
    network_key: str = Field(description="must not say true outside the network division")
    network_keys: tuple[str, ...] = Field(
        (), description="what the checker asks for where network_key says anything at all"
    )
    counts: tuple[str, ...] = Field((), description="keys that count what a system has: 1 or more")
    amounts: tuple[str, ...] = Field((), description="keys that may be 0, or be told in words")
    accelerator_count: str = Field(description="key with the accelerators of a node")
    accelerator_name: str = Field(description="key that names their model")
    accelerator_memory: str = Field(description="key with the memory of each")
    none_words: tuple[str, ...] = Field(description="what says that there is none, in any case")
    must_be_filled: tuple[str, ...]
    may_be_empty: tuple[str, ...] = Field(description="must be there, may say nothing")
    may_be_structured: tuple[str, ...] = Field(
        (), description="may have parts: a tree with one was published"
    )


class PowerRules(Strict):
    """The files of a power result, beside those of the performance run."""

    folder: str = Field(description="beside the run; that it is there claims a power result")
    ranging: str = Field(description="folder of the run that finds the analyzer's range")
    files: tuple[str, ...] = Field(description="all that the folder holds")
    run_files: tuple[str, ...] = Field(description="more in both runs' folders")
    measurement_files: tuple[str, ...] = Field((), description="patterns of files by user.conf")
    capacity_file: str | None = Field(None, description="beside the system's description")


class SubmissionRules(Strict):
    """The form of a submission tree in one round."""

    checker_version: str = Field(description="the official checker's --version")
    layout: Layout
    folders: tuple[str, ...] = Field(description="all that a submitter's folder may hold")
    performance_files: tuple[str, ...]
    performance_optional: tuple[str, ...]
    accuracy_files: tuple[str, ...]
    compliance_files: tuple[str, ...]
    compliance_optional: tuple[str, ...] = Field((), description="may lie beside these")
    extra_files: tuple[str, ...] = Field(description="allowed beside the logs, not asked for")
    compliance_lines: dict[str, tuple[str, ...]] = Field(
        description="test → patterns that lines of its verify_accuracy.txt must match"
    )
    measurement_documents: tuple[str, ...]
    measurement_optional: tuple[str, ...] = Field((), description="may lie beside these")
    calibration_document: str
    bandwidth_document: str
    power: PowerRules
    file_max_bytes: PositiveInt
    accuracy_log: AccuracyLogRules
    accuracy_patterns: dict[str, str] = Field(description="metric → pattern of accuracy.txt")
    hash_pattern: str
    answers_pattern: str = Field(description="pattern of accuracy.txt for the answers scored")
    measurements_required: tuple[str, ...]
    system: SystemFileRules


class Round(Strict):
    """One round of MLPerf Inference."""

    name: str
    loadgen_versions: tuple[str, str] = Field(
        description="first and last mlcommons-loadgen release with this round's seeds"
    )
    loadgen_install: str = Field(description="release to install for this round")
    seeds: Seeds
    fixed_settings: dict[str, int | float | bool] = Field(
        default_factory=dict, description="LoadGen's keys that no user.conf may set otherwise"
    )
    user_conf_fixed: dict[str, float] = Field(
        default_factory=dict, description="keys of user.conf with the only value closed allows"
    )
    default_benchmark: str = Field(description="of weights and logs that name none")
    benchmarks: dict[str, BenchmarkRules] = Field(
        default_factory=dict, description="none: the round has no benchmark of this family"
    )
    other_benchmarks: tuple[str, ...] = Field(
        (), description="folders of benchmarks that the round has in other families"
    )
    compliance_of_others: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="test → benchmarks of other families, whose logs it may judge, too",
    )
    absent: dict[str, str] = Field(
        default_factory=dict, description="benchmark a user may ask for → why the round lacks it"
    )
    submission: SubmissionRules | None = Field(
        None, description="null: the round has no benchmark of this family"
    )
    sources: dict[str, str] = Field(description="figure or group of figures → where it is from")

    @model_validator(mode="after")
    def _every_metric_can_be_read(self) -> Round:
        known = self.submission.accuracy_patterns if self.submission else None
        for name, benchmark in self.benchmarks.items():
            for metric in (*benchmark.accuracy_min, *benchmark.accuracy_max):
                if known is not None and metric not in known:
                    raise ValueError(
                        f"{name} is judged by {metric}, which submission.accuracy_patterns lacks"
                    )
        return self

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

    def id_of(self, spelling: str) -> str:
        """The id of the benchmark that an alias stands for; any other word as it is."""
        known = (name for name, each in self.benchmarks.items() if spelling in each.aliases)
        return next(known, spelling)

    def scenario_rules(
        self, name: str, scenario: Scenario
    ) -> tuple[str, BenchmarkRules, ScenarioRules]:
        """The benchmark id, its rules and the scenario's for a run of `scenario` of `name`.

        A datacenter benchmark is lent a scenario it lacks by its edge twin (`edge`), which has
        an id, a data set and a LoadGen model name of its own.

        Raises:
            ConfigError: neither of the two has the scenario.
        """
        benchmark = self.benchmark(name)
        if scenario in benchmark.scenarios:
            return name, benchmark, benchmark.scenarios[scenario]
        edge = self.benchmarks.get(benchmark.edge) if benchmark.edge else None
        if benchmark.edge and edge is not None and scenario in edge.scenarios:
            return benchmark.edge, edge, edge.scenarios[scenario]
        raise ConfigError(
            f"scenario {scenario} is not one of {name} in round {self.name}, "
            f"which has {', '.join(benchmark.scenarios)}.",
            remedy="Choose another --scenario or --round.",
        )


@cache
def load_round(name: str) -> Round:
    """Read one round's file, and those that it extends.

    Raises:
        ConfigError: unknown round, or a malformed file.
    """
    path = shipped.conf_path("rounds", name)
    if not path.is_file():
        known = shipped.round_names()
        raise ConfigError(
            f"round {name} is unknown; known are {', '.join(known)}.",
            remedy=near_one(name, known) or "Give one of them.",
        )
    try:
        return Round.model_validate(tree(round_leaves(name).values()))
    except ValidationError as error:
        raise ConfigError(f"the file is malformed: {error}", where=path.name) from error
