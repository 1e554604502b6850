"""An accuracy log from elsewhere: only the log, a data set's file and a model's folder."""

from __future__ import annotations

from codecs import BOM_UTF8
from pathlib import Path

import msgspec

from qsl.files import Columns, read_file
from qsl.tokenizer import open_tokenizer, tokenizer_sha256
from sut.accuracy.evaluate import assemble, material
from sut.accuracy.targets import for_count, of_count
from sut.config.rounds import BenchmarkRules, Round, load_round
from sut.config.shipped import DEFAULT_ROUND
from sut.errors import ConfigError
from sut.logs.accuracy import ACCURACY_NAME, token_type_of
from sut.record.facts import AccuracyFacts, ScoredWith
from sut.record.folder import sha256_of

UNKNOWN = "a log without its session does not tell which tokenizer and data set are the run's own"


class _EndIds(msgspec.Struct):
    """What generation_config.json says of the end of an answer."""

    eos_token_id: int | list[int] | None = None


def evaluate_log(
    folder: Path,
    dataset: Path,
    model: Path,
    round_name: str | None = None,
    token_type: str | None = None,
) -> AccuracyFacts:
    """Score `mlperf_log_accuracy.json` in `folder`; judge by a round where one is named.

    There is no ledger, so no success rate, and nothing tells max_tokens or the engine. The count
    tells the benchmark, and so the scorer; where it does not, it is the round's default.

    Args:
        folder: holds the log.
        dataset: the file that was asked, with references.
        model: folder with the tokenizer that reads the answers.
        round_name: the round of the targets; None: scores only.
        token_type: integers of the answers, int32 or int64; None: as the answers show.

    Raises:
        LogError, DatasetError, ConfigError: a file is missing, broken, or does not fit.
    """
    columns = read_file(dataset)
    count = _count(columns)
    log = folder / ACCURACY_NAME
    benchmark = _benchmark(load_round(round_name or DEFAULT_ROUND), count)
    tokenizer, ends = open_tokenizer(model), _end_ids(model)
    token_type = token_type or token_type_of(log)
    asked = material(
        log, columns.references, count, ends, tokenizer, benchmark, token_type=token_type
    )
    yardstick, notes = None, ["not judged: no round was named"]
    if round_name is not None:
        yardstick, notes = for_count(load_round(round_name), count)
    if token_type != "int32":
        notes.append(f"the answers are read as {token_type}")
    notes.append(f"not official: {UNKNOWN}")
    read = tokenizer_sha256(model)
    used = ScoredWith(tokenizer_sha256=read, dataset_sha256=columns.sha256, own=None)
    return assemble(asked, yardstick, notes, None, used, sha256_of(log))


def _count(columns: Columns) -> int:
    """Samples of a data set's file."""
    held = columns.references if columns.references is not None else columns.texts
    return len(columns.prompts) if columns.prompts is not None else len(held or [])


def _benchmark(rules: Round, count: int) -> BenchmarkRules:
    """What a log of so many samples is scored as."""
    found = [rules.benchmarks[name] for name in of_count(rules, count)]
    if len({each.scorer for each in found}) == 1:
        return found[0]
    default = rules.benchmarks.get(rules.default_benchmark)
    return default if default else _benchmark(load_round(DEFAULT_ROUND), count)


def _end_ids(model: Path) -> list[int]:
    """Ids that end an answer, as the folder says; none where it does not."""
    path = model / "generation_config.json"
    if not path.is_file():
        return []
    try:
        said = path.read_bytes().removeprefix(BOM_UTF8)
        found = msgspec.json.decode(said, type=_EndIds).eos_token_id
    except msgspec.DecodeError as error:
        raise ConfigError(
            f"eos_token_id cannot be read: {error}.", where=str(path), remedy="Mend the file."
        ) from error
    if found is None:
        return []
    return found if isinstance(found, list) else [found]
