"""Which targets a run is held to: the round's, a reference of ours, or none, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from qsl.tokenizer import Tokenizer
from sut.accuracy.judge import Yardstick, relative_yardstick, round_yardstick
from sut.accuracy.reference import REFERENCES, load_reference
from sut.accuracy.scorer import Scorer
from sut.accuracy.scores import measure
from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.rounds import BenchmarkRules, Round
from sut.config.schema import RunConfig
from sut.config.shipped import CONF_ROOT
from sut.errors import ConfigError
from sut.record.facts import DatasetFacts


@dataclass(frozen=True)
class Asked:
    """What was asked in a run, and what reads the answers.

    Args:
        indices: the samples that were answered, in the order of the answers.
        references: their texts; None: the data set has none.
        tokenizer: the model's own; None: it has none that can be opened.
        scorer: the benchmark's.
    """

    indices: Sequence[int]
    references: Sequence[str] | None
    tokenizer: Tokenizer | None
    scorer: Scorer


def choose(
    config: RunConfig,
    traits: EngineTraits,
    scenario: Scenario,
    dataset: DatasetFacts,
    rules: Round,
    asked: Asked,
    folder: Path | None = None,
) -> tuple[Yardstick | None, list[str]]:
    """The targets of a run; None with the reasons where nothing may be judged.

    Args:
        config: the run's.
        traits: those of the engine that answered.
        scenario: the run's.
        dataset: what was asked.
        rules: the round.
        asked: the answers' samples, and what a reference's answers are scored with.
        folder: where references are; None: user_confs/references.

    Raises:
        ConfigError: the model's reference file is malformed.
    """
    if not traits.has_model:
        return None, [f"not judged: the {config.engine.kind} engine answers without a model"]
    if dataset.synthetic:
        return None, ["not judged: the references of a synthetic data set are nobody's answers"]
    try:
        name, benchmark, _ = rules.scenario_rules(config.model.benchmark, scenario)
    except ConfigError as error:
        return None, [f"not judged: {error.message}"]
    if config.model.official:
        against = _not_the_rounds(config, dataset, benchmark)
        if against:
            return None, [f"not judged by round {rules.name}: {', '.join(against)}"]
        return round_yardstick(rules.name, name, benchmark), []
    return _of_reference(config, traits, dataset, asked, benchmark, folder or REFERENCES)


def of_count(rules: Round, count: int) -> list[str]:
    """The round's benchmarks with this many samples."""
    return [name for name, each in rules.benchmarks.items() if each.dataset_count == count]


def for_count(rules: Round, count: int) -> tuple[Yardstick | None, list[str]]:
    """The targets of the round's only benchmark with this many samples; None with the reason."""
    found = of_count(rules, count)
    if len(found) == 1:
        return round_yardstick(rules.name, found[0], rules.benchmarks[found[0]]), []
    which = " and ".join(found) + " have" if found else f"no benchmark of round {rules.name} has"
    return None, [f"not judged: {which} {count} samples"]


def _not_the_rounds(
    config: RunConfig, dataset: DatasetFacts, benchmark: BenchmarkRules
) -> list[str]:
    """Why the round's targets do not hold: they do for its whole data set and output length."""
    against = []
    if dataset.source != "file":
        against.append(f"the data set is the {dataset.source} one")
    if dataset.count != benchmark.dataset_count:
        against.append(f"{dataset.count} of {benchmark.dataset_count} samples were asked")
    if config.generation.max_tokens != benchmark.max_tokens:
        against.append(
            f"max_tokens is {config.generation.max_tokens} and not {benchmark.max_tokens}"
        )
    return against


def _of_reference(
    config: RunConfig,
    traits: EngineTraits,
    dataset: DatasetFacts,
    asked: Asked,
    benchmark: BenchmarkRules,
    folder: Path,
) -> tuple[Yardstick | None, list[str]]:
    reference = load_reference(config.model.name, folder)
    if reference is None:
        return None, [f"not judged: there is no reference for model {config.model.name}"]
    where = folder / f"{config.model.name}.json"
    ours = where.is_relative_to(CONF_ROOT.parent)
    name = str(where.relative_to(CONF_ROOT.parent) if ours else where)
    others = reference.mismatches(config, traits.dtype, dataset.sha256)
    if others:
        return None, [f"not judged: {name} was made for other conditions: {', '.join(others)}"]
    if any(index >= len(reference.outputs) for index in asked.indices):
        return None, [f"not judged: {name} has {len(reference.outputs)} samples"]
    scores = measure(
        reference.answers(asked.indices), asked.references, asked.tokenizer, asked.scorer
    )
    return relative_yardstick(name, scores, benchmark), []
