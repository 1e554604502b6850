"""Data set files → columns. JSON list, JSON lines, parquet; pickle only when allowed.

The MLCommons forms and the columns read from them:

    cnn_eval.json (llama3.1-8b)      JSON list     input, tok_input, output
    OpenOrca .pkl, .pkl.gz (llama2)  DataFrame     input, tok_input, output
    mixtral .pkl                     DataFrame     input, tok_input, gt_output
    405b .pkl                        DataFrame     input, tok_input, gt_output
    Hub's CNN/DailyMail parquet      table         article, highlights
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from qsl.dataset import Prompts, TokenIds
from qsl.json_rows import json_rows, nested
from sut.errors import DatasetError
from sut.given_file import given_bytes

if TYPE_CHECKING:
    import pyarrow as pa

TEXT_COLUMNS = ("input", "article")
TOKEN_COLUMN = "tok_input"
NUMBERED_COLUMN = "gt_output"
REFERENCE_COLUMNS = ("output", "highlights", NUMBERED_COLUMN)
KNOWN_FORMS = "a JSON list, JSON lines (.jsonl) or parquet with input or tok_input, and output"

MOST_BYTES = 8 * 2**30
"""Of a data set in JSON; the largest benchmark's has 200 MB."""
_INT32 = np.iinfo(np.int32)
_TokenId = Annotated[int, msgspec.Meta(ge=int(_INT32.min), le=int(_INT32.max))]


@dataclass(frozen=True, eq=False)
class Columns:
    """What a file holds. A column the file lacks is None.

    Args:
        texts: articles or whole inputs.
        prompts: token ids.
        references: reference answers.
        sha256: hex SHA-256 of the file's bytes.
        names: for each of ours ("texts", "prompts", "references"), the file's column name.
    """

    texts: list[str] | None
    prompts: Prompts | None
    references: list[str] | None
    sha256: str
    names: Mapping[str, str]


class _Row(msgspec.Struct, gc=False):
    """One sample of a JSON file; keys that are not listed here are skipped unread."""

    input: str | None = None
    article: str | None = None
    tok_input: list[_TokenId] | None = None
    output: str | None = None
    highlights: str | None = None
    gt_output: str | None = None


def read_file(path: Path, allow_pickle: bool = False) -> Columns:
    """Read a data set file.

    Args:
        path: .json, .jsonl, .parquet, or with `allow_pickle` .pkl, .pickle, .pkl.gz.
        allow_pickle: unpickling runs whatever code the file holds, so it must be asked for.

    Raises:
        DatasetError: the file is missing, of another form, or a value has the wrong type.
    """
    if path.is_dir():
        raise DatasetError(
            "this is a folder, not a file", where=str(path), remedy=f"Name {KNOWN_FORMS}."
        )
    if not path.is_file():
        raise DatasetError(
            "no such file", where=str(path), remedy="Check dataset.path, or use source: sample."
        )
    suffixes = "".join(path.suffixes[-2:]).lower()
    if suffixes.endswith((".pkl", ".pickle", ".pkl.gz", ".pickle.gz")):
        return _read_pickle(path, allow_pickle)
    if suffixes.endswith(".parquet"):
        return _read_parquet(path)
    if suffixes.endswith((".json", ".jsonl")):
        return _read_json(path)
    raise DatasetError(
        f"no known form of data set ends in {path.suffix or 'nothing'!r}",
        where=str(path),
        remedy=f"Give {KNOWN_FORMS}.",
    )


def _read_json(path: Path) -> Columns:
    data = _whole(path)
    # Samples are cut out first and decoded one by one: only one sample's ids exist as
    # Python integers at a time.
    rows = json_rows(data, path)
    values: dict[str, list[Any]] = {}
    decoder = msgspec.json.Decoder(_Row)
    for index, raw in enumerate(rows):
        _add_row(values, _decode_row(decoder, raw, index, path), index, path)
    return _columns(values, hashlib.sha256(data).hexdigest(), path)


def _whole(path: Path) -> bytes:
    try:
        return given_bytes(path, MOST_BYTES)
    except OSError as error:
        raise DatasetError(f"cannot be read: {error.strerror}", where=str(path)) from error


def _decode_row(
    decoder: msgspec.json.Decoder[_Row], raw: bytes | msgspec.Raw, index: int, path: Path
) -> _Row:
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError as error:
        raise DatasetError(
            f"sample {index}: {error}",
            where=str(path),
            remedy="tok_input is a list of int32 ids; input and output are strings.",
        ) from error
    except RecursionError as error:
        raise nested(path) from error


def _add_row(values: dict[str, list[Any]], row: _Row, index: int, path: Path) -> None:
    """Append one sample; every sample must hold the same columns as the first."""
    present = {
        name: value for name in _Row.__struct_fields__ if (value := getattr(row, name)) is not None
    }
    if index == 0:
        values.update({name: [] for name in present})
    if present.keys() != values.keys():
        odd = sorted(present.keys() ^ values.keys())
        raise DatasetError(
            f"sample {index} differs from sample 0 in {', '.join(odd)}",
            where=str(path),
            remedy="Every sample must hold the same keys.",
        )
    if row.tok_input is not None:
        present[TOKEN_COLUMN] = np.array(row.tok_input, dtype=np.int32)
    for name, value in present.items():
        values[name].append(value)


def _read_parquet(path: Path) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = (*TEXT_COLUMNS, TOKEN_COLUMN, *REFERENCE_COLUMNS)
    try:
        held = pq.read_schema(path).names
        _refuse_twice(held, path)
        table = pq.read_table(path, columns=[name for name in wanted if name in held])
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(
            f"not a readable parquet file: {error}", where=str(path), remedy="Fetch it again."
        ) from error
    values: dict[str, Sequence[Any] | Prompts] = {}
    for name in table.column_names:
        column = table.column(name)
        if column.null_count:
            raise DatasetError(
                f"column {name} has {column.null_count} missing values",
                where=str(path),
                remedy="Every sample must have a value.",
            )
        values[name] = _arrow_prompts(column, path) if name == TOKEN_COLUMN else column.to_pylist()
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return _columns(values, digest, path)


def _arrow_prompts(column: pa.ChunkedArray[Any], path: Path) -> Prompts:
    """A list column's own flat values and offsets are our store already."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        if getattr(column.type, "value_type", None) == pa.bool_():
            raise pa.ArrowTypeError("yes and no are not ids")  # a cast would make 1 and 0 of them
        lists = column.cast(pa.list_(pa.int32())).combine_chunks()
    except pa.ArrowException as error:
        raise DatasetError(
            f"column {TOKEN_COLUMN} is {column.type}: {error}",
            where=str(path),
            remedy="It must be a list of int32 ids per sample.",
        ) from error
    flat = lists.flatten()
    if flat.null_count:
        raise DatasetError(
            f"column {TOKEN_COLUMN} has {flat.null_count} missing ids",
            where=str(path),
            remedy="It must be a list of int32 ids per sample.",
        )
    offsets = np.zeros(len(lists) + 1, dtype=np.int64)
    np.cumsum(pc.list_value_length(lists).to_numpy(zero_copy_only=False), out=offsets[1:])
    return Prompts(flat.to_numpy(zero_copy_only=False).astype(np.int32, copy=False), offsets)


def _read_pickle(path: Path, allow_pickle: bool) -> Columns:
    if not allow_pickle:
        raise DatasetError(
            "a pickle can run any code when it is read, so it is not read unasked",
            where=str(path),
            remedy="If you trust where it came from, set dataset.allow_pickle: true; "
            "or convert it to parquet once.",
        )
    import pandas as pd

    try:
        frame = pd.read_pickle(path)
    except (
        *(pickle.UnpicklingError, EOFError, OSError, ImportError, AttributeError),
        *(IndexError, KeyError, TypeError, ValueError),
    ) as error:
        raise DatasetError(
            f"the pickle cannot be read: {type(error).__name__}: {error}",
            where=str(path),
            remedy="Fetch it again, or convert it to parquet with the pandas that wrote it.",
        ) from error
    if not isinstance(frame, pd.DataFrame):
        raise DatasetError(
            f"the pickle holds a {type(frame).__name__}, not a DataFrame",
            where=str(path),
            remedy="Give the MLCommons file as it was downloaded.",
        )
    _refuse_twice([str(name) for name in frame.columns], path)
    values: dict[str, Sequence[Any] | Prompts] = {}
    for name in (*TEXT_COLUMNS, *REFERENCE_COLUMNS):
        if name in frame.columns:
            numbers = name == NUMBERED_COLUMN
            values[name] = [_number_as_text(value) if numbers else value for value in frame[name]]
    if TOKEN_COLUMN in frame.columns:
        rows = (_pickled_ids(ids, i, path) for i, ids in enumerate(frame[TOKEN_COLUMN]))
        values[TOKEN_COLUMN] = Prompts.from_sequences(rows)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return _columns(values, digest, path)


def _number_as_text(value: Any) -> Any:
    """Mixtral's gt_output holds numbers for GSM8K; nothing else becomes text unasked."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    fraction = isinstance(value, float | np.floating) and bool(np.isfinite(value))
    return str(value) if whole or fraction else value


def _refuse_twice(names: Sequence[str], path: Path) -> None:
    for name in (*TEXT_COLUMNS, TOKEN_COLUMN, *REFERENCE_COLUMNS):
        if names.count(name) > 1:
            raise DatasetError(
                f"column {name} is there {names.count(name)} times",
                where=str(path),
                remedy="Leave one.",
            )


def _pickled_ids(ids: Any, index: int, path: Path) -> TokenIds:
    """One pickled sample's ids: a list or array, possibly with a leading dimension of 1."""
    row = np.asarray(ids)
    if row.ndim == 2 and row.shape[0] == 1:
        row = row[0]
    fits = row.ndim == 1 and (row.size == 0 or row.dtype.kind in "iu")
    if not fits or (row.size and (row.min() < _INT32.min or row.max() > _INT32.max)):
        raise DatasetError(
            f"sample {index}: {TOKEN_COLUMN} is {row.ndim}-dimensional {row.dtype}",
            where=str(path),
            remedy="It must be a list of int32 ids per sample.",
        )
    return row.astype(np.int32)


def _columns(values: Mapping[str, Sequence[Any] | Prompts], sha256: str, path: Path) -> Columns:
    """Name the file's columns ours; a file without any prompt is refused."""
    names: dict[str, str] = {}
    for ours, theirs in (
        ("texts", TEXT_COLUMNS),
        ("prompts", (TOKEN_COLUMN,)),
        ("references", REFERENCE_COLUMNS),
    ):
        found = next((name for name in theirs if name in values), None)
        if found is not None:
            names[ours] = found
    if "texts" not in names and "prompts" not in names:
        raise DatasetError(
            f"no sample with {', '.join(TEXT_COLUMNS)} or {TOKEN_COLUMN} was found",
            where=str(path),
            remedy=f"Give {KNOWN_FORMS}.",
        )
    return Columns(
        texts=_texts(values, names.get("texts"), path),
        prompts=_prompts(values, names.get("prompts")),
        references=_texts(values, names.get("references"), path),
        sha256=sha256,
        names=names,
    )


def _prompts(values: Mapping[str, Sequence[Any] | Prompts], name: str | None) -> Prompts | None:
    if name is None:
        return None
    column = values[name]
    return column if isinstance(column, Prompts) else Prompts.from_sequences(column)


def what_it_is(value: Any) -> str:
    """What stands where a text should, for messages; pandas has several words for nothing."""
    missing = value is None or type(value).__name__ in ("NAType", "NaTType")
    if missing or value == "" or (isinstance(value, float) and bool(np.isnan(value))):
        return "missing"
    return f"a {type(value).__name__}, not a string"


def _texts(values: Mapping[str, Iterable[Any]], name: str | None, path: Path) -> list[str] | None:
    if name is None:
        return None
    texts = list(values[name])
    wrong = next((i for i, text in enumerate(texts) if not isinstance(text, str)), None)
    if wrong is not None:
        raise DatasetError(
            f"sample {wrong}: {name} is {what_it_is(texts[wrong])}",
            where=str(path),
            remedy="Leave the sample out, or give it its text.",
        )
    return texts
