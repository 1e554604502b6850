"""One accuracy run's folder → AccuracyFacts, accuracy.json and accuracy.txt.

Needs the run's files, the data set and the model's tokenizer; no engine and no LoadGen. The
log is evaluated as LoadGen left it: shortening it for a submission comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qsl.dataset import Dataset, TokenIds
from qsl.load import load_dataset
from qsl.tokenizer import Tokenizer, open_tokenizer
from sut.accuracy import alarms
from sut.accuracy.answers import Answer, first_per_sample, read_answers
from sut.accuracy.judge import Yardstick, judge, verdict
from sut.accuracy.rouge import FETCH_PUNKT, Splitter, find_splitter
from sut.accuracy.scores import Scores, measure
from sut.accuracy.targets import Asked, choose
from sut.accuracy.text import official_text
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.errors import ConfigError, DatasetError, LogError
from sut.inputs.weights import resolve_model
from sut.logs.accuracy import ACCURACY_NAME
from sut.record.facts import AccuracyFacts, SessionFacts, traits_of
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


@dataclass(frozen=True)
class Sources:
    """Where data set, model and sentence splitter are, if not where the run had them.

    Args:
        dataset: the data set's file.
        model: the model's folder.
        splitter: finds the sentence splitter.
    """

    dataset: Path | None = None
    model: Path | None = None
    splitter: Callable[[], Splitter | None] = find_splitter


@dataclass(frozen=True)
class Material:
    """What an evaluation works on.

    Args:
        answers: one per sample.
        entries: entries of the log, repeated samples included.
        count: samples of the data set.
        asked: the samples, their summaries and what reads the answers.
        eos_token_ids: ids that end an answer.
    """

    answers: Sequence[Answer]
    entries: int
    count: int
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
        sources: data set, model or splitter from elsewhere.

    Raises:
        LogError: a file of the session or the accuracy log is missing or broken.
        DatasetError, ConfigError: the data set or the model is not what the run had.
    """
    return evaluate(read_run(RunDir(run_dir), session_root), read_session(session_root), sources)


def evaluate(
    run: RunRecord, session: SessionRecord, sources: Sources | None = None
) -> AccuracyFacts:
    """`evaluate_run`, of a session that was read already."""
    sources = sources or Sources()
    config, facts = session.config, session.facts
    model = sources.model or _model_folder(config, facts)
    dataset = _dataset(config, facts, model, sources.dataset)
    log = run.folder.root / ACCURACY_NAME
    asked = material(log, dataset.references, dataset.count, config.model.eos_token_ids,
                     _tokenizer(model), sources.splitter())  # fmt: skip
    traits, rules = traits_of(config, facts), load_round(config.round)
    yardstick, notes = choose(config, traits, run.scenario, facts.dataset, rules, asked.asked)
    rate = alarms.success_rate(run.folder.ledger)
    return assemble(asked, yardstick, notes, rate, sha256_of(log))


def alarms_fail_run(session_root: Path) -> bool:
    """Whether signs of a broken engine fail the accuracy runs of a session.

    Raises:
        LogError: its configuration is missing or broken.
    """
    session = read_session(session_root)
    return alarms_fail(session.config, traits_of(session.config, session.facts))


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
    splitter: Splitter | None,
    token_type: str = "int32",
) -> Material:
    """Read the log and put each answer beside its summary.

    Raises:
        LogError: the log is broken, or names a sample that the data set does not have.
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
    return Material(
        answers, len(entries), count, Asked(indices, theirs, tokenizer, splitter), eos_token_ids
    )


def assemble(
    asked: Material,
    yardstick: Yardstick | None,
    notes: list[str],
    success_rate: float | None,
    log_sha256: str,
) -> AccuracyFacts:
    """Measure, judge and count the signs of a broken engine."""
    among = asked.asked
    scores = measure(asked.tokens, among.references, among.tokenizer, among.splitter)
    metrics = judge(scores, yardstick)
    measured, passed = verdict(metrics, yardstick)
    whole = len(asked.answers) == asked.count
    signs = alarms.shares(asked.tokens, asked.eos_token_ids)
    return AccuracyFacts(
        metrics=metrics,
        gen_len=scores.gen_len,
        gen_num=scores.gen_num,
        tokens_per_sample=scores.tokens_per_sample,
        judged_against=yardstick.name if yardstick else None,
        sentence_splitter=among.splitter.name if among.splitter else None,
        complete=measured and whole,
        passed=passed if whole or passed is False else None,
        empty_share=signs.empty,
        looping_share=signs.looping,
        identical_share=signs.identical,
        success_rate=success_rate,
        problems=[*_missing(asked), *alarms.sentences(signs)],
        notes=[*notes, *_unmeasured(asked, scores)],
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


def _unmeasured(asked: Material, scores: Scores) -> list[str]:
    if asked.asked.tokenizer is None:
        return ["ROUGE and GEN_LEN not measured: the model's tokenizer is not at hand"]
    if asked.asked.references is None:
        return ["ROUGE not measured: the data set has no references"]
    if asked.asked.splitter is None and scores.gen_num:
        return [
            "ROUGELSUM not measured: NLTK's punkt data is not on this machine; where there is a "
            f"network, `{FETCH_PUNKT}` fetches it"
        ]
    return []


def _dataset(
    config: RunConfig, facts: SessionFacts, model: Path | str, path: Path | None
) -> Dataset:
    """The run's data set, refused if it has changed since."""
    data = config.dataset
    dataset = load_dataset(
        source="file" if path else data.source,
        path=path or data.path,
        model_path=model,
        prompt_format=config.model.prompt_format,
        vocab_size=config.model.vocab_size,
        eos_token_ids=config.model.eos_token_ids,
        context_tokens=config.engine.planned().context_tokens or config.model.context_tokens,
        max_tokens=config.generation.max_tokens,
        synthetic_count=data.synthetic_count,
        synthetic_seed=data.synthetic_seed,
        max_samples=data.max_samples,
        allow_pickle=data.allow_pickle,
    )
    if dataset.sha256 != facts.dataset.sha256:
        raise DatasetError(
            f"the data set has SHA-256 {dataset.sha256}, the run's had {facts.dataset.sha256}",
            where=dataset.place,
            remedy="Name the run's own file with `accuracy RUN --dataset FILE`.",
        )
    return dataset


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
