"""Rules between fields, and between the configuration, the round and what is installed."""

from __future__ import annotations

from collections.abc import Mapping

from packaging.version import InvalidVersion, Version
from pydantic import ValidationError

from sut.config import official
from sut.config.engine_options import with_options
from sut.config.held import broken, unfit
from sut.config.keys import BY_SCENARIO, Setting, leaves, refuse_yes_or_no, sentence, show, value_at
from sut.config.names import Scenario
from sut.config.rounds import Round, load_round
from sut.config.schema import RunConfig
from sut.config.vllm_extra import flat
from sut.errors import ConfigError

# Limits that LoadGen reads as whole milliseconds: it would cut a fraction off without a word.
_WHOLE_MS = (
    ("server", "ttft_limit_ms"),
    ("server", "tpot_limit_ms"),
    ("interactive", "ttft_limit_ms"),
    ("interactive", "tpot_limit_ms"),
    ("single_stream", "target_latency_ms"),
)

# A format that is read from a checkpoint, never made from other weights at load time.
FROM_CHECKPOINT = "compressed-tensors"

# Where a value is from whose source nobody wrote down.
UNKNOWN_ORIGIN = "the configuration given"


def admitted(config: RunConfig, origins: Mapping[str, str]) -> RunConfig:
    """The configuration with every value of its type, within its bounds and checked.

    Raises:
        ConfigError: the first thing that is wrong with it.
    """
    known = dict.fromkeys(leaves(), UNKNOWN_ORIGIN) | dict(origins)
    for key in leaves():
        refuse_yes_or_no(Setting(key, value_at(config, key), known[key]), leaves()[key])
    try:
        # A copy with changes, as pydantic makes it, was never validated.
        config = RunConfig.model_validate(config.model_dump(warnings=False))
    except ValidationError as error:
        raise ConfigError(sentence(error), where=UNKNOWN_ORIGIN) from error
    config = with_options(config, known)
    rules = load_round(config.round)
    check(config, known, rules)
    for scenario, own in config.by_scenario.items():
        prefix = f"{BY_SCENARIO}{scenario.value}."
        said = {key: known.get(f"{prefix}{key}", UNKNOWN_ORIGIN) for key in flat(own)}
        check(with_options(config.of(scenario), known | said), known | said, rules)
    return config


def check(config: RunConfig, origins: Mapping[str, str], rules: Round) -> None:
    """Refuse a configuration whose fields do not go together.

    Raises:
        ConfigError: the first rule that is broken, with the source of the value at fault.
    """
    _check_scenarios(config, origins, rules)
    _check_lengths(config, origins)
    _check_engine(config, origins)
    _check_official(config, origins)
    _check_whole_ms(config, origins)
    if config.profile == "mlperf":
        _check_mlperf(config, origins, rules)
    for each in (*unfit(config), *broken(config, rules)):
        origin = origins.get(each.key, UNKNOWN_ORIGIN)
        raise ConfigError(each.sentence, where=origin, remedy=each.remedy)


def check_loadgen(rules: Round, installed: str | None) -> None:
    """Refuse a LoadGen whose compiled-in seeds are another round's.

    Raises:
        ConfigError: with the release to install.
    """
    first, last = rules.loadgen_versions
    remedy = f"Run: pip install mlcommons-loadgen=={rules.loadgen_install}"
    if installed is None:
        raise ConfigError("mlcommons-loadgen is not installed.", remedy=remedy)
    try:
        fits = Version(first) <= Version(installed) <= Version(last)
    except InvalidVersion:
        fits = False
    if not fits:
        raise ConfigError(
            f"mlcommons-loadgen {installed} does not carry the seeds of round {rules.name}, "
            f"which {first} to {last} do.",
            remedy=f"{remedy}, or choose another --round.",
        )


def check_dataset_count(
    config: RunConfig, scenario: Scenario, dataset_count: int, rules: Round
) -> None:
    """Refuse a data set that is not the round's size, in the mlperf profile.

    Raises:
        ConfigError: another number of samples than the round's.
    """
    name, benchmark, _ = rules.scenario_rules(config.model.benchmark, scenario)
    if config.profile == "mlperf" and dataset_count != benchmark.dataset_count:
        raise ConfigError(
            f"the data set has {dataset_count} samples, but {name} in round {rules.name} has "
            f"{benchmark.dataset_count} ({benchmark.dataset}).",
            where=str(config.dataset.path or config.dataset.source),
            remedy="Give the official file with --dataset PATH, or choose --profile quick.",
        )


def not_submittable(config: RunConfig) -> list[str]:
    """Every reason in the configuration why a result could not be submitted."""
    reasons = []
    if config.profile != "mlperf":
        reasons.append(f"the {config.profile} profile is not submission-grade")
    if not config.model.official:
        other = f"{config.model.name} is not the weights of {config.model.benchmark}"
        reasons.append(official.disowned(config.model) or other)
    if config.dataset.source != "file":
        reasons.append(f"the {config.dataset.source} data set is not the benchmark's")
    if not config.engine.planned().has_model:
        reasons.append(f"the {config.engine.kind} engine answers without a model")
    return reasons


def _first_chosen(origins: Mapping[str, str], *keys: str) -> str:
    """The source of the first of these keys that a person chose; a default is nobody's fault."""
    chosen = [
        origins[key] for key in keys if not origins[key].startswith(("default", "user_confs/"))
    ]
    return chosen[0] if chosen else origins[keys[-1]]


def _check_scenarios(config: RunConfig, origins: Mapping[str, str], rules: Round) -> None:
    place = _first_chosen(origins, "scenarios", "model.benchmark", "round")
    names = [scenario.value for scenario in config.scenarios]
    if len(set(names)) != len(names):
        raise ConfigError(f"scenarios is {', '.join(names)}, which names one twice.", where=place)
    if config.model.benchmark not in rules.benchmarks:
        place = _first_chosen(origins, "round", "model.benchmark")
    for scenario in config.scenarios:
        try:
            rules.scenario_rules(config.model.benchmark, scenario)
        except ConfigError as error:
            raise ConfigError(error.message, where=place, remedy=error.remedy) from error
    wanted = rules.benchmark(config.model.benchmark).scenarios[Scenario.OFFLINE].loadgen_model
    if config.model.loadgen_model != wanted:
        # LoadGen takes an unknown name without a word and drops the token limits.
        raise ConfigError(
            f"model.loadgen_model is {config.model.loadgen_model}, but LoadGen knows "
            f"{config.model.benchmark} as {wanted}.",
            where=origins["model.loadgen_model"],
            remedy="Leave it out.",
        )


def _check_lengths(config: RunConfig, origins: Mapping[str, str]) -> None:
    limit, context = config.generation.max_tokens, config.model.context_tokens
    outside = [each for each in config.model.eos_token_ids if each >= config.model.vocab_size]
    if outside:
        raise ConfigError(
            f"model.eos_token_ids has {outside[0]}, which a vocabulary of "
            f"{config.model.vocab_size} does not hold.",
            where=_first_chosen(origins, "model.eos_token_ids", "model.vocab_size"),
        )
    if limit >= context:
        raise ConfigError(
            f"generation.max_tokens is {limit}, which leaves no room for a prompt in the "
            f"{context} tokens of {config.model.name}.",
            where=origins["generation.max_tokens"],
        )
    longest, key = config.engine.planned().context_tokens, config.engine.key_of("context_tokens")
    if longest is not None and key is not None and not limit < longest <= context:
        raise ConfigError(
            f"{key} is {longest}, must be above generation.max_tokens "
            f"({limit}) and at most model.context_tokens ({context}).",
            where=origins[key],
            remedy="Set null to size it from the data set.",
        )


def _check_engine(config: RunConfig, origins: Mapping[str, str]) -> None:
    engine, planned = config.engine, config.engine.planned()
    tokens, sequences = planned.max_batch_tokens, planned.max_batch_sequences
    key, of_sequences = (engine.key_of(f"max_batch_{of}") for of in ("tokens", "sequences"))
    if key and of_sequences and tokens and sequences and tokens < sequences:
        raise ConfigError(
            f"{key} is {tokens}, must be at least {of_sequences} ({sequences}).",
            where=origins[key],
        )
    key = engine.key_of("quantization")
    own_weights = origins["model.path"].startswith("user_confs/models/")
    if key and planned.quantization == FROM_CHECKPOINT and own_weights:
        raise ConfigError(
            f"{key} is {FROM_CHECKPOINT}, but the weights of "
            f"{config.model.name} ({config.model.path}) are not quantised.",
            where=origins[key],
            remedy="Give the quantised checkpoint: --set model.path=DIR.",
        )


def _check_official(config: RunConfig, origins: Mapping[str, str]) -> None:
    if not config.model.official:
        return
    why = official.why_not(config.model.path, config.model.benchmark)
    if why is not None:
        raise ConfigError(
            f"model.official is true, but {why}.",
            where=_first_chosen(origins, "model.path", "model.official"),
            remedy="Give the official weights' folder, or another model as it is: --model DIR.",
        )
    own = [str(each.value) for each in official.prompt_formats(config.model.benchmark)]
    if config.model.prompt_format not in own:
        raise ConfigError(
            f"model.prompt_format is {config.model.prompt_format}, but an official model is "
            f"asked with {' or '.join(own)}.",
            where=origins["model.prompt_format"],
            remedy="Set model.official=false, or leave it out.",
        )
    if config.engine.planned().weights == "random":
        key = config.engine.key_of("weights") or "engine.kind"
        raise ConfigError(
            f"{key} is {show(value_at(config, key))}, and random weights are not an official "
            "model.",
            where=origins[key],
            remedy="Set model.official=false.",
        )


def _check_whole_ms(config: RunConfig, origins: Mapping[str, str]) -> None:
    for section, field in _WHOLE_MS:
        value = getattr(getattr(config, section), field)
        if value != int(value):
            raise ConfigError(
                f"{section}.{field} is {value}, but LoadGen takes whole milliseconds.",
                where=origins[f"{section}.{field}"],
            )
    for scenario in Scenario:
        section, duration_ms = scenario.section, config.section(scenario).min_duration_s * 1000
        if abs(duration_ms - round(duration_ms)) > 1e-6:
            raise ConfigError(
                f"{section}.min_duration_s is {duration_ms / 1000}, but LoadGen takes whole "
                "milliseconds.",
                where=origins[f"{section}.min_duration_s"],
            )


def _check_mlperf(config: RunConfig, origins: Mapping[str, str], rules: Round) -> None:
    if config.dataset.source == "sample":
        raise ConfigError(
            "dataset.source is sample, but the mlperf profile asks every sample of the "
            "benchmark's own data set.",
            where=_first_chosen(origins, "dataset.source", "profile"),
            remedy="Give it with --dataset PATH, or --dataset synthetic to rehearse.",
        )
    if not config.model.official and (why := official.contradicted(config.model.path)):
        raise ConfigError(
            f"{why}.",
            where=origins["model.path"],
            remedy="Put the weights and the config.json of one model into the folder.",
        )
    parts = [rules.scenario_rules(config.model.benchmark, s)[:2] for s in config.scenarios]
    if len({name for name, _ in parts}) > 1:
        listed = ", ".join(
            f"{scenario} {name} ({benchmark.dataset_count} samples)"
            for scenario, (name, benchmark) in zip(config.scenarios, parts, strict=True)
        )
        raise ConfigError(
            f"the scenarios belong to different benchmarks: {listed}.",
            where=origins["scenarios"],
            remedy="Run them apart, or set model.benchmark to the edge one.",
        )
