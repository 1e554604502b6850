"""Why a run could not be part of a submission, in words; empty if nothing stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.official import of_benchmark
from sut.config.rounds import BenchmarkRules, Round, ScenarioRules
from sut.config.schema import RunConfig, ServerConfig
from sut.errors import ConfigError
from sut.record.facts import EngineFacts, RunFacts, SessionFacts, traits_of


@dataclass(frozen=True)
class Objection:
    """One thing that stands against submitting, by the id of the rule that it breaks."""

    rule: str
    sentence: str


def submission_grade(
    config: RunConfig, facts: SessionFacts, round_: Round | None, runs: Sequence[RunFacts] = ()
) -> list[str]:
    """Every reason against submitting, whatever the verdict on the run itself."""
    return list(dict.fromkeys(each.sentence for each in grade(config, facts, round_, runs)))


def grade(
    config: RunConfig, facts: SessionFacts, round_: Round | None, runs: Sequence[RunFacts] = ()
) -> list[Objection]:
    """The same with the rule that each breaks, so that a judge can choose among them."""
    found = [*_profile(config, traits_of(config, facts)), *_system(config, facts)]
    name = config.model.benchmark
    if round_ is None:
        return [*found, Objection("round", f"the rules of round {config.round} are unknown")]
    if name not in round_.benchmarks:
        return [*found, Objection("round", f"round {config.round} has no benchmark {name}")]
    found += _by("runs-complete", _runs(config, runs, round_))
    found += _by("scenario-set", _scenario_set(config, round_.benchmarks[name]))
    for scenario in config.scenarios:
        try:
            _, used, rules = round_.scenario_rules(name, scenario)
        except ConfigError:
            sentence = f"round {config.round} has no scenario {scenario} for {name}"
            found.append(Objection("round", sentence))
            continue
        found += _by("dataset-count", _dataset(facts, used))
        found += _by("output-length", _generation(config, used))
        found += _by("scenario-limits", _scenario(config, scenario, rules))
    return list(dict.fromkeys(found))


def _by(rule: str, sentences: Iterable[str]) -> Iterable[Objection]:
    return (Objection(rule, each) for each in sentences)


def _profile(config: RunConfig, traits: EngineTraits) -> Iterable[Objection]:
    if config.profile != "mlperf":
        relaxed = f"the profile is {config.profile}, which relaxes the round's rules"
        yield Objection("profile", relaxed)
    if not traits.has_model:
        yield Objection("engine", f"the {config.engine.kind} engine answers without a model")
    if not config.model.official:
        yield Objection("model", f"{config.model.name} is not the benchmark's own model")
    if traits.weights == "random":
        yield Objection("weights-loaded", "the weights are random")
    if traits.weights is None:
        yield Objection("weights-loaded", "the weights are not known to be read from files")


def _system(config: RunConfig, facts: SessionFacts) -> Iterable[Objection]:
    if facts.dataset.source == "sample":
        yield Objection("dataset", "the data set is the shipped sample")
    if facts.dataset.synthetic:
        yield Objection("dataset", "the data set is synthetic")
    if facts.engine is None:
        yield Objection("engine-ready", "the engine never became ready")
        return
    if facts.engine.traits.has_model:
        yield from _by("model", _weights(config, facts.engine))
        yield from _by("engine-settings", _engine(facts.engine.traits))


def _weights(config: RunConfig, engine: EngineFacts) -> Iterable[str]:
    """That the weights' own config.json is the official one, as the session recorded it."""
    if not config.model.official:
        return  # said by _profile
    if engine.model_config_sha256 is None:
        yield "no config.json of the weights is on record"
        return
    names = [each.name for each in of_benchmark(config.model.benchmark)]
    if engine.model_recognised not in names:
        found = engine.model_recognised or "no official model's"
        yield (
            f"the config.json of the weights was recognised as {found}, "
            f"not as that of {' or '.join(names) or config.model.benchmark}"
        )


def _engine(traits: EngineTraits) -> Iterable[str]:
    """What the engine said it runs with; what it did not say is held against it."""
    if traits.prefix_caching is not False:
        yield f"prefix caching is {_not_off(traits.prefix_caching)}, which the rules prohibit"
    if traits.speculative_decoding is not False:
        state = _not_off(traits.speculative_decoding)
        yield f"speculative decoding is {state}, which the rules prohibit for this model"
    if traits.greedy is not True:
        said = "not known to be" if traits.greedy is None else "not"
        yield f"decoding is {said} greedy, which the rules ask for"


def _not_off(on: bool | None) -> str:
    return "on" if on else "not known to be off"


def _runs(config: RunConfig, runs: Sequence[RunFacts], round_: Round) -> Iterable[str]:
    """Each scenario needs a performance and an accuracy run, and the compliance tests."""
    made = {(run.scenario, run.test or run.mode) for run in runs}
    for scenario in config.scenarios:
        needed = ["performance", "accuracy"]
        try:
            needed += round_.scenario_rules(config.model.benchmark, scenario)[1].compliance_tests
        except ConfigError:
            continue  # said by submission_grade
        for kind in needed:
            if (scenario.value, kind) not in made:
                yield f"{scenario} has no {kind} run in this session"


def _scenario_set(config: RunConfig, benchmark: BenchmarkRules) -> Iterable[str]:
    for scenario in benchmark.required:
        if scenario not in config.scenarios:
            yield f"the required scenario {scenario} was not run"
    if benchmark.one_of and not set(benchmark.one_of) & set(config.scenarios):
        yield f"none of {', '.join(benchmark.one_of)} was run"


def _dataset(facts: SessionFacts, benchmark: BenchmarkRules) -> Iterable[str]:
    if facts.dataset.count != benchmark.dataset_count:
        yield f"the data set has {facts.dataset.count} samples, not {benchmark.dataset_count}"


def _generation(config: RunConfig, benchmark: BenchmarkRules) -> Iterable[str]:
    for name in ("max_tokens", "min_tokens"):
        ours, theirs = getattr(config.generation, name), getattr(benchmark, name)
        if ours != theirs:
            yield f"{name} is {ours}, not {theirs}"


def _scenario(config: RunConfig, scenario: Scenario, rules: ScenarioRules) -> Iterable[str]:
    ours = config.section(scenario)
    if ours.min_duration_s * 1000 < rules.min_duration_ms:
        yield (
            f"{scenario} ran for {ours.min_duration_s:g} s at least, "
            f"not {rules.min_duration_ms / 1000:g} s"
        )
    if ours.min_query_count < rules.min_query_count:
        yield f"{scenario} asked for {ours.min_query_count} samples, not {rules.min_query_count}"
    if not isinstance(ours, ServerConfig):
        return
    if ours.latency_percentile < rules.latency_percentile:
        yield (
            f"{scenario} was held to P{ours.latency_percentile:g}, "
            f"not P{rules.latency_percentile:g}"
        )
    for kind in ("ttft", "tpot"):
        limit, official = getattr(ours, f"{kind}_limit_ms"), getattr(rules, f"{kind}_limit_ms")
        if official is not None and limit > official:
            yield f"{scenario} allowed {kind.upper()} {limit:g} ms, not {official:g} ms"
