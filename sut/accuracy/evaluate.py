"""One accuracy run's folder → AccuracyFacts, accuracy.json and accuracy.txt.

Needs the run's files, the data set and the model's tokenizer; no engine and no LoadGen. The
log is evaluated as LoadGen left it: shortening it for a submission comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsl.dataset import Dataset, TokenIds
from qsl.tokenizer import Tokenizer, open_tokenizer, tokenizer_sha256
from sut.accuracy import alarms
from sut.accuracy.answers import Answer, first_per_sample, read_answers
from sut.accuracy.judge import Yardstick, judge, verdict
from sut.accuracy.registry import find_scorer
from sut.accuracy.scorer import Scorer
from sut.accuracy.scores import Scores, measure
from sut.accuracy.targets import Asked, choose
from sut.accuracy.text import official_text
from sut.config.rounds import BenchmarkRules, load_round
from sut.config.schema import RunConfig
from sut.errors import ConfigError, DatasetError, LogError
from sut.inputs.dataset import dataset_of
from sut.inputs.weights import resolve_model
from sut.logs.accuracy import ACCURACY_NAME
from sut.record.facts import AccuracyFacts, ScoredWith, SessionFacts, traits_of
from sut.record.folder import RunDir, sha256_of, write_atomic
from sut.record.session import (
    RunRecord,
    SessionRecord,
    as_model,
    read_document,
    read_run,
    read_session,
)
from sut.rules.demands import alarms_fail

FACTS_NAME = "accuracy.json"
TEXT_NAME = "accuracy.txt"
NOT_OWN_TOKENIZER = "the tokenizer that read the answers is not the run's own"


@dataclass(frozen=True)
class Sources:
    """Where data set, model and scorer are, if not where the run had them.

    Args:
        dataset: the data set's file.
        model: the model's folder.
        scorer: gives the scorer of a name.
    """

    dataset: Path | None = None
    model: Path | None = None
    scorer: Callable[[str], Scorer] = find_scorer


@dataclass(frozen=True)
class Material:
    """What an evaluation works on.

    Args:
        answers: one per sample.
        entries: entries of the log, repeated samples included.
        count: samples of the data set.
        benchmark: what the round says of it: its scorer, how alike answers may be.
        asked: the samples, their references and what reads the answers.
        eos_token_ids: ids that end an answer.
    """

    answers: Sequence[Answer]
    entries: int
    count: int
    benchmark: BenchmarkRules
    asked: Asked
    eos_token_ids: Sequence[int]

    @property
    def tokens(self) -> list[TokenIds]:
        """The answers' token ids."""
        return [answer.tokens for answer in self.answers]


def evaluate_run(
    run_dir: Path, session_root: Path, sources: Sources | None = None
) -> AccuracyFacts:
    """Score and judge one accuracy run.

    Args:
        run_dir: `<Scenario>/accuracy` of a session.
        session_root: the session's folder.
        sources: data set, model or scorer from elsewhere.

    Raises:
        LogError: a file of the session or the accuracy log is missing or broken.
        DatasetError, ConfigError: the data set or the model is not what the run had, or the
            round has no scorer for it.
    """
    return evaluate(read_run(RunDir(run_dir), session_root), read_session(session_root), sources)


def evaluate(
    run: RunRecord,
    session: SessionRecord,
    sources: Sources | None = None,
    seen: Callable[[Material, AccuracyFacts], None] = lambda *_: None,
) -> AccuracyFacts:
    """`evaluate_run`, of a session that was read already; `seen` is given what it worked on."""
    sources = sources or Sources()
    start = session.of_start(run.scenario)
    config, facts = start.config, start.facts
    model = sources.model or _model_folder(config, facts)
    dataset = _dataset(config, facts, model, sources.dataset)
    log, rules = run.folder.root / ACCURACY_NAME, load_round(config.round)
    _, benchmark, _ = rules.scenario_rules(config.model.benchmark, run.scenario)
    asked = material(log, dataset.references, dataset.count, config.model.eos_token_ids,
                     _tokenizer(model), benchmark, sources.scorer)  # fmt: skip
    traits = traits_of(config, facts)
    used = _scored_with(dataset, model, facts)
    if used.own is False:
        yardstick, notes = None, [f"not judged and not official: {NOT_OWN_TOKENIZER}"]
    else:
        yardstick, notes = choose(config, traits, run.scenario, facts.dataset, rules, asked.asked)
    rate = alarms.success_rate(run.folder.ledger)
    found = assemble(asked, yardstick, notes, rate, used, sha256_of(log))
    seen(asked, found)
    return found


def alarms_fail_run(session_root: Path) -> bool:
    """Whether signs of a broken engine fail the accuracy runs of a session.

    Raises:
        LogError: its configuration is missing or broken.
    """
    starts = read_session(session_root).starts
    return any(alarms_fail(each.config, traits_of(each.config, each.facts)) for each in starts)


def write_files(run_dir: Path, facts: AccuracyFacts) -> None:
    """accuracy.json for us, accuracy.txt for the submission checker.

    Raises:
        FileExistsError: one of them is there.
        ConfigError: nothing can be written into the folder.
    """
    try:
        write_atomic(run_dir / FACTS_NAME, facts.model_dump_json(indent=2) + "\n")
        write_atomic(run_dir / TEXT_NAME, official_text(facts))
    except FileExistsError:
        raise
    except OSError as error:
        raise unwritable(run_dir, error) from error


def unwritable(run_dir: Path, error: OSError) -> ConfigError:
    """What the user is told where an evaluation cannot be kept."""
    return ConfigError(
        f"{FACTS_NAME} and {TEXT_NAME} cannot be written into this folder: {error.strerror}.",
        where=str(run_dir),
        remedy="Make it writable, or evaluate a copy of it.",
    )


def read_facts(run_dir: Path) -> AccuracyFacts:
    """What an earlier evaluation found.

    Raises:
        LogError: accuracy.json is missing or malformed.
    """
    path = run_dir / FACTS_NAME
    return as_model(AccuracyFacts, read_document(path), path)


def material(
    log: Path,
    references: Sequence[str] | None,
    count: int,
    eos_token_ids: Sequence[int],
    tokenizer: Tokenizer | None,
    benchmark: BenchmarkRules,
    scorer: Callable[[str], Scorer] = find_scorer,
    token_type: str = "int32",
) -> Material:
    """Read the log and put each answer beside its reference.

    Raises:
        LogError: the log is broken, or names a sample that the data set does not have.
        ConfigError: there is no scorer of the name that the round gives.
    """
    entries = read_answers(log, token_type)
    answers = first_per_sample(entries)
    indices = [answer.sample_index for answer in answers]
    if indices and max(indices) >= count:
        raise LogError(
            f"qsl_idx {max(indices)} is not in the data set, which has {count} samples.",
            where=str(log),
            remedy="Give the data set that was asked.",
        )
    theirs = None if references is None else [references[index] for index in indices]
    asked = Asked(indices, theirs, tokenizer, scorer(benchmark.scorer))
    return Material(answers, len(entries), count, benchmark, asked, eos_token_ids)


def assemble(
    asked: Material,
    yardstick: Yardstick | None,
    notes: list[str],
    success_rate: float | None,
    used: ScoredWith,
    log_sha256: str,
) -> AccuracyFacts:
    """Measure, judge and count the signs of a broken engine."""
    among = asked.asked
    scores = measure(asked.tokens, among.references, among.tokenizer, among.scorer)
    metrics = judge(scores, yardstick)
    measured, passed = verdict(metrics, yardstick)
    whole = len(asked.answers) == asked.count
    signs = alarms.shares(asked.tokens, asked.eos_token_ids)
    return AccuracyFacts(
        scorer=asked.benchmark.scorer,
        metrics=metrics,
        characters=scores.characters,
        gen_num=scores.gen_num,
        tokens_per_sample=scores.tokens_per_sample,
        judged_against=yardstick.name if yardstick else None,
        tool=among.scorer.tool,
        complete=measured and whole,
        passed=passed if whole or passed is False else None,
        empty_share=signs.empty,
        looping_share=signs.looping,
        identical_share=signs.identical,
        success_rate=success_rate,
        problems=[*_missing(asked), *alarms.sentences(signs, asked.benchmark.identical_share_max)],
        notes=[*notes, *_unmeasured(asked.asked, scores, [metric.name for metric in metrics])],
        scored_with=used,
        log_sha256=log_sha256,
    )


def _missing(asked: Material) -> list[str]:
    """Samples without an answer, and answers without a sample of their own."""
    found = []
    if len(asked.answers) < asked.count:
        found.append(
            f"{asked.count - len(asked.answers)} of {asked.count} samples have no answer in the log"
        )
    repeated = asked.entries - len(asked.answers)
    if repeated:
        found.append(f"{repeated} answers are to samples that the log had before; not counted")
    return found


def _unmeasured(asked: Asked, scores: Scores, metrics: Sequence[str]) -> list[str]:
    """A sentence for each cause that left metrics without a figure."""
    missing = [name for name in metrics if scores.value(name) is None]
    if not missing or not scores.gen_num:
        return []
    if asked.tokenizer is None:
        return [_not_measured(missing, "the model's tokenizer is not at hand")]
    known = [metric.name for metric in asked.scorer.metrics]
    strange = [name for name in missing if name not in known]
    found = [_not_measured(strange, "the benchmark's scorer has none such")] if strange else []
    rest = [name for name in missing if name in known]
    if rest and asked.references is None:
        return [*found, _not_measured(rest, "the data set has no references")]
    lacking = asked.scorer.lacking
    return [*found, *(_not_measured([name], lacking[name]) for name in rest if name in lacking)]


def _not_measured(names: Sequence[str], why: str) -> str:
    return f"{', '.join(names)} not measured: {why}"


def _dataset(
    config: RunConfig, facts: SessionFacts, model: Path | str, path: Path | None
) -> Dataset:
    """The run's data set, refused if it has changed since."""
    dataset = dataset_of(config, model, path)
    if dataset.sha256 != facts.dataset.sha256:
        raise DatasetError(
            f"the data set has SHA-256 {dataset.sha256}, the run's had {facts.dataset.sha256}",
            where=dataset.place,
            remedy="Name the run's own file with `accuracy RUN --dataset FILE`.",
        )
    return dataset


def _scored_with(dataset: Dataset, model: Path, facts: SessionFacts) -> ScoredWith:
    """Tokenizer and data set by content; another data set than the run's was refused before."""
    found, recorded = tokenizer_sha256(model), facts.tokenizer_sha256
    return ScoredWith(
        tokenizer_sha256=found,
        dataset_sha256=dataset.sha256,
        own=None if recorded is None else found == recorded,
    )


def _model_folder(config: RunConfig, facts: SessionFacts) -> Path:
    """Where the run had the model, else where it would be found now."""
    ran = facts.engine.model_path if facts.engine else None
    if ran and (Path(ran) / "config.json").is_file():
        return Path(ran)
    return resolve_model(config.model, weights=False)  # the tokenizer is all that is read


def _tokenizer(model: Path | str) -> Tokenizer | None:
    try:
        return open_tokenizer(model)
    except DatasetError:
        return None
