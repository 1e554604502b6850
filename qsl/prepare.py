"""A local copy of a benchmark's data set → the MLCommons files, with the official prompt.

    evaluation file    the evaluation's split, whole or its first N
    calibration file   the calibration's split, the ids of MLCommons' calibration list

What the copy looks like, the round's file says (`dataset_source`). The form is MLCommons' own
(download_cnndm.py): a JSON list indented by four, objects with instruction, input, tok_input,
output. The same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from qsl.files import MOST_BYTES, what_it_is
from qsl.prompts import PromptFormat, find_format, render_batch
from qsl.tokenizer import Tokenizer, open_tokenizer
from sut.errors import DatasetError
from sut.new_file import new_file

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 256

SHARD = re.compile(r"-(?P<number>[0-9]{5})-of-(?P<of>[0-9]{5})[.-]")


@dataclass(frozen=True)
class SourceForm:
    """What a copy of the data set looks like.

    Args:
        name: as a person knows it.
        split: the evaluation's files in a folder.
        calibration_split: the calibration's.
        text: the column that is asked about.
        reference: the column that the answers are held to.
        id: the column by which the calibration's samples are listed.
    """

    name: str
    split: str
    calibration_split: str
    text: str
    reference: str
    id: str


@dataclass(frozen=True)
class Prepared:
    """A file that was written: its samples, hex SHA-256 of its bytes, and where it is."""

    count: int
    sha256: str
    path: Path


def prepare_dataset(
    source: Path,
    out: Path,
    tokenizer_path: Path,
    prompt_format: str,
    form: SourceForm,
    limit: int | None,
) -> Prepared:
    """Write the evaluation file.

    Args:
        source: a parquet or csv file with the form's columns, or a folder with
            `<split>-*.parquet` anywhere below, as the Hub lays it out.
        out: file to write; must not exist.
        tokenizer_path: model folder with tokenizer.json.
        prompt_format: name in qsl.prompts.
        form: what the source looks like.
        limit: only the first so many, in the source's order; None: all. MLCommons' own
            5,000-sample file is another choice of samples: fetch it instead.

    Raises:
        DatasetError: source missing or of another form, or `out` exists.
    """
    _refuse_existing(out)
    chosen = find_format(prompt_format)
    frame = _read_source(source, form, form.split, (form.text, form.reference))
    if limit is not None:
        frame = frame.head(limit)
    instruction = {chosen.key: chosen.template}
    return _write(_pairs(frame, form), out, open_tokenizer(tokenizer_path), chosen, instruction)


def prepare_calibration(
    source: Path,
    out: Path,
    tokenizer_path: Path,
    prompt_format: str,
    form: SourceForm,
    ids_file: Path,
    limit: int | None = None,
) -> Prepared:
    """Write the calibration file: the samples whose ids are listed, in the list's order.

    Args:
        source: as for `prepare_dataset`; a folder's calibration files, with ids.
        out: file to write; must not exist.
        tokenizer_path: model folder with tokenizer.json.
        prompt_format: name in qsl.prompts.
        form: what the source looks like.
        ids_file: one id a line, as MLCommons' calibration-list.txt.
        limit: only the first so many of the list; None: all.

    Raises:
        DatasetError: as `prepare_dataset`, or a listed id is not in the source.
    """
    _refuse_existing(out)
    chosen = find_format(prompt_format)
    wanted = listed_ids(ids_file)[:limit]
    split = form.calibration_split
    frame = _read_source(source, form, split, (form.text, form.reference, form.id))
    frame = frame.drop_duplicates(form.id).set_index(form.id)
    missing = [sample for sample in wanted if sample not in frame.index]
    if missing:
        raise DatasetError(
            f"{len(missing)} of {len(wanted)} listed ids are not in the source, first {missing[0]}",
            where=str(ids_file),
            remedy=f"The ids are looked up in the {split} split; give that.",
        )
    pairs = _pairs(frame.loc[wanted], form)
    return _write(pairs, out, open_tokenizer(tokenizer_path), chosen, chosen.template)


def listed_ids(ids_file: Path) -> list[str]:
    """The ids of a calibration list, in its order.

    Raises:
        DatasetError: there is no such file, or an id is listed twice.
    """
    if not ids_file.is_file():
        raise DatasetError(
            "no such file", where=str(ids_file), remedy="Give MLCommons' calibration-list.txt."
        )
    wanted = ids_file.read_text(encoding="utf-8-sig", errors="replace").split()
    if len(set(wanted)) < len(wanted):
        twice = next(each for each in wanted if wanted.count(each) > 1)
        raise DatasetError(
            f"the id {twice} is listed twice", where=str(ids_file), remedy="Leave one."
        )
    return wanted


def _refuse_existing(out: Path) -> None:
    if out.exists():
        raise DatasetError(
            "the file exists and is not overwritten",
            where=str(out),
            remedy="Name another file, or remove this one.",
        )
    if not out.parent.is_dir():
        raise DatasetError("no such folder", where=str(out.parent), remedy="Create it first.")


def _pairs(frame: pd.DataFrame, form: SourceForm) -> tuple[list[str], list[str]]:
    """Texts and references, in the same order."""
    return frame[form.text].tolist(), frame[form.reference].tolist()


def _refuse_missing(frame: pd.DataFrame, file: Path) -> None:
    """A value that is not text; in csv an empty one, too, which cannot be told from none."""
    csv = file.suffix == ".csv"
    for name in frame.columns:
        for row, value in enumerate(frame[name].tolist()):
            if not isinstance(value, str) or (csv and not value):
                raise DatasetError(
                    f"row {row}: {name} is {what_it_is(value)}",
                    where=str(file),
                    remedy="Fetch it again, or leave the row out.",
                )


def _read_source(
    source: Path, form: SourceForm, split: str, columns: Sequence[str]
) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    frames = []
    for file in _source_files(source, form, split):
        try:
            frame = _read_table(file)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DatasetError(
                f"cannot be read: {error}", where=str(file), remedy="Fetch it again."
            ) from error
        lacking = [name for name in columns if name not in frame.columns]
        if lacking:
            raise DatasetError(
                f"no column {', '.join(lacking)}; it has {', '.join(map(str, frame.columns))}",
                where=str(file),
                remedy=f"Give {form.name} with {' and '.join(columns)}.",
            )
        frame = frame[list(columns)]
        _refuse_missing(frame, file)
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def _read_table(file: Path) -> pd.DataFrame:
    import pandas as pd

    if (size := file.stat().st_size) > MOST_BYTES:
        raise ValueError(f"it has {size} bytes, more than {MOST_BYTES}")
    if file.suffix != ".csv":
        return pd.read_parquet(file)
    # Text stays text: one that reads "NA" is not a missing value.
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    if not isinstance(frame.index, pd.RangeIndex):
        raise ValueError("its rows have more values than its first line has names")
    return frame


def _source_files(source: Path, form: SourceForm, split: str) -> list[Path]:
    """The files to read, in the order of their names, which number the shards."""
    if source.is_file() and source.suffix in (".parquet", ".csv"):
        return [source]
    found = sorted(source.rglob(f"{split}-*.parquet")) if source.is_dir() else []
    if not found:
        raise DatasetError(
            f"neither a .parquet or .csv file nor a folder with {split}-*.parquet",
            where=str(source),
            remedy=f"Give a local copy of {form.name}.",
        )
    _refuse_several(found, source)
    _refuse_lacking(found)
    return found


def _refuse_several(files: Sequence[Path], source: Path) -> None:
    """The Hub keeps releases side by side: together they would be the split several times."""
    folders = sorted({file.parent for file in files})
    if len(folders) > 1:
        named = ", ".join(str(each.relative_to(source)) for each in folders)
        raise DatasetError(
            f"the split is there {len(folders)} times: in {named}",
            where=str(source),
            remedy=f"Name the folder of one release: {folders[-1]}.",
        )


def _refuse_lacking(files: Sequence[Path]) -> None:
    """Shards say in their names which of how many they are."""
    numbered = [(found, file) for file in files if (found := SHARD.search(file.name))]
    if not numbered:
        return
    where = str(files[0].parent)
    totals = {int(found["of"]) for found, _ in numbered}
    have = sorted(int(found["number"]) for found, _ in numbered)
    if len(totals) > 1 or len(set(have)) < len(have) or len(numbered) < len(files):
        raise DatasetError(
            f"these are not the shards of one split: {', '.join(file.name for file in files)}",
            where=where,
            remedy="Leave one set of them.",
        )
    lacking = sorted(set(range(max(totals))) - set(have))
    if lacking:
        raise DatasetError(
            f"shard {lacking[0]} of {max(totals)} is missing", where=where, remedy="Fetch it again."
        )


def _write(
    pairs: tuple[list[str], list[str]],
    out: Path,
    tokenizer: Tokenizer,
    prompt_format: PromptFormat,
    instruction: dict[str, str] | str,
) -> Prepared:
    texts, references = pairs
    if not texts:
        raise DatasetError("no sample is left", where=str(out), remedy="Raise the limit.")
    digest = hashlib.sha256()
    with _new_file(out) as stream:
        for start in range(0, len(texts), _BATCH):
            batch = texts[start : start + _BATCH]
            prompts = render_batch(prompt_format.name, batch, tokenizer)
            rows = zip(batch, prompts, references[start : start + _BATCH], strict=True)
            text = ",\n".join(_sample(instruction, *row) for row in rows)
            data = (("[\n" if start == 0 else ",\n") + text).encode()
            digest.update(data)
            stream.write(data)
        digest.update(b"\n]")
        stream.write(b"\n]")
    return Prepared(len(texts), digest.hexdigest(), out)


def _sample(instruction: dict[str, str] | str, text: str, tok_input: list[int], output: str) -> str:
    """One object as json.dumps(..., indent=4) would write it in a list, minutes sooner."""
    if isinstance(instruction, dict):
        inner = ",\n".join(f"            {_text(k)}: {_text(v)}" for k, v in instruction.items())
        head = "{\n" + inner + "\n        }"
    else:
        head = _text(instruction)
    ids = ",\n".join(f"            {token}" for token in tok_input)
    return (
        "    {\n"
        f'        "instruction": {head},\n'
        f'        "input": {_text(text)},\n'
        f'        "tok_input": [\n{ids}\n        ],\n'
        f'        "output": {_text(output)}\n'
        "    }"
    )


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file that appears whole or not at all, and never over another."""
    try:
        with new_file(path) as stream:
            yield stream
    except FileExistsError:
        _refuse_existing(path)
