"""The calibration samples as token ids, and where they come from.

Closed takes the official list alone: inference_rules.adoc 8.1. Its file is known by the SHA-256 in
the round's file, and its samples are looked up in the user's copy of the data set.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from qsl.dataset import Prompts
from qsl.files import read_file
from qsl.load import SAMPLE_FILE, load_dataset
from qsl.prepare import SourceForm, listed_ids, prepare_calibration
from sut.config.rounds import BenchmarkRules
from sut.config.schema import ModelConfig
from sut.errors import ConfigError
from sut.record.folder import sha256_of
from sut.record.quantize_record import CalibrationFacts

SAMPLE = "the articles that ship with the harness"


@dataclass(frozen=True, eq=False)
class Calibration:
    """What the model is shown, and what the record says of it."""

    prompts: Prompts
    ids: list[str]
    facts: CalibrationFacts


def from_list(
    ids_file: Path,
    copy: Path,
    model: ModelConfig,
    folder: Path,
    rules: BenchmarkRules,
    limit: int | None,
) -> Calibration:
    """The first samples of a list, looked up in a copy of the data set.

    Args:
        ids_file: one id a line, as MLCommons' list.
        copy: a parquet or csv file, or the hub's folder.
        model: how its prompts are formed.
        folder: where its tokenizer is.
        rules: of the benchmark, which say what its data set looks like.
        limit: how many; None: the whole list.

    Raises:
        ConfigError: the round does not say what the data set looks like.
        DatasetError: a file is missing or of another form, or an id is not in the copy.
    """
    form = _form(rules)
    ids = listed_ids(ids_file)
    with tempfile.TemporaryDirectory(prefix="sut-calibration-") as place:
        out = Path(place) / "calibration.json"
        asked = model.prompt_format
        prepared = prepare_calibration(copy, out, folder, asked, form, ids_file, limit)
        prompts = read_file(out).prompts
    assert prompts is not None  # prepare_calibration writes them
    return _calibration(
        prompts,
        ids[:limit],
        model,
        source="list",
        dataset=f"{form.name}, {form.calibration_split}",
        list_sha256=sha256_of(ids_file),
        listed=len(ids),
        texts_sha256=prepared.sha256,
    )


def from_sample(model: ModelConfig, folder: Path, limit: int | None) -> Calibration:
    """The shipped articles: for the small model, and never for a submission.

    Raises:
        DatasetError: the model's tokenizer is missing, or its context is too short.
    """
    found = load_dataset(
        source="sample",
        path=None,
        model_path=folder,
        prompt_format=model.prompt_format,
        vocab_size=model.vocab_size,
        eos_token_ids=model.eos_token_ids,
        context_tokens=model.context_tokens,
        max_tokens=0,
        synthetic=None,
        max_samples=limit,
        allow_pickle=False,
    )
    rows = json.loads(SAMPLE_FILE.read_text(encoding="utf-8"))
    return _calibration(
        found.prompts,
        [row["id"] for row in rows][:limit],
        model,
        source="sample",
        dataset=SAMPLE,
        list_sha256=None,
        listed=None,
        texts_sha256=found.sha256,
    )


def _form(rules: BenchmarkRules) -> SourceForm:
    if rules.dataset_source is None:
        raise ConfigError(
            "the round does not say what the data set of this benchmark is made of.",
            where="--calibration",
            remedy="Give dataset_source in the round's file.",
        )
    return SourceForm(**rules.dataset_source.model_dump())


def ids_text(ids: list[str]) -> str:
    """One id a line."""
    return "".join(f"{each}\n" for each in ids)


def _calibration(
    prompts: Prompts, ids: list[str], model: ModelConfig, **of_source: object
) -> Calibration:
    facts = CalibrationFacts.model_validate(
        {
            **of_source,
            "count": len(prompts),
            "ids_sha256": hashlib.sha256(ids_text(ids).encode()).hexdigest(),
            "prompt_format": model.prompt_format,
            "prompts_sha256": prompts.sha256(),
            "prompt_tokens": int(prompts.lengths.sum()),
            "prompt_tokens_max": int(prompts.lengths.max()),
        }
    )
    return Calibration(prompts, ids, facts)
