"""The bytes of a JSON data set → one JSON object per sample, however the file lays them out.

A list of objects and JSON lines are ours. A DataFrame's `to_json` writes any of these, and the
reference's `pd.read_json` reads the first of them:

    columns (its default)  {"input": {"0": …}, "output": {"0": …}}
    index                  {"0": {"input": …, "output": …}}
    split                  {"columns": […], "index": […], "data": [[…]]}
    table                  {"schema": {…}, "data": [{…}]}
    values                 [[…]]                         has no names, so it is refused
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import msgspec

from sut.errors import DatasetError

Rows = Sequence[bytes | msgspec.Raw]
_Object = dict[str, msgspec.Raw]

AS_RECORDS = 'Write it with DataFrame.to_json(PATH, orient="records").'

_BAD_BYTE = re.compile(r"\(byte (\d+)\)$")
# What Python's json module writes for a float that is missing; JSON has no such word.
_NOT_JSON = re.compile(rb"-?(?:NaN|Infinity)")


def json_rows(data: bytes, path: Path) -> Rows:
    """Cut a file into its samples, each the text of a JSON object that nobody decoded yet.

    Raises:
        DatasetError: neither JSON nor JSON lines, or a table whose rows have no names.
    """
    data = data.removeprefix(BOM_UTF8)
    try:
        if data.lstrip()[:1] == b"[":
            rows: Rows = msgspec.json.decode(data, type=list[msgspec.Raw])
            if rows and _kind(rows[0]) == b"[":
                raise _unnamed(path)
            return rows
        table = _one_object(data)
        if table is None:
            return msgspec.json.Decoder(msgspec.Raw).decode_lines(data)
        return _of_table(table, data, path)
    except msgspec.DecodeError as error:
        raise _malformed(error, data, path) from error
    except RecursionError as error:
        raise nested(path) from error


def nested(path: Path) -> DatasetError:
    """What to tell of values in values without end."""
    return DatasetError("it is nested too deeply", where=str(path), remedy=AS_RECORDS)


def _one_object(data: bytes) -> _Object | None:
    """The file as one object; None where it is several lines of them, or none."""
    try:
        return msgspec.json.decode(data, type=_Object)
    except msgspec.DecodeError:
        return None


def _of_table(table: _Object, data: bytes, path: Path) -> Rows:
    """A DataFrame's object as rows; one that is itself a sample is its own row."""
    if "data" in table and "columns" in table:
        return _of_split(table, path)
    if "data" in table and "schema" in table:
        return msgspec.json.decode(table["data"], type=list[msgspec.Raw])
    if not table or not all(_kind(value) == b"{" for value in table.values()):
        return [data]
    # Rows are keyed by numbers, columns by names.
    if all(name.isdecimal() for name in table):
        return list(table.values())
    return _of_columns(table, path)


def _of_split(table: _Object, path: Path) -> Rows:
    names = msgspec.json.decode(table["columns"], type=list[str])
    rows = msgspec.json.decode(table["data"], type=list[list[msgspec.Raw]])
    odd = next((i for i, row in enumerate(rows) if len(row) != len(names)), None)
    if odd is not None:
        raise DatasetError(
            f"sample {odd} has {len(rows[odd])} values for {len(names)} columns",
            where=str(path),
            remedy=AS_RECORDS,
        )
    return [_object(zip(names, row, strict=True)) for row in rows]


def _of_columns(table: _Object, path: Path) -> Rows:
    columns = {name: msgspec.json.decode(raw, type=_Object) for name, raw in table.items()}
    index = list(next(iter(columns.values())))
    for name, values in columns.items():
        if values.keys() != set(index):
            raise DatasetError(
                f"the columns {next(iter(columns))} and {name} do not have the same rows",
                where=str(path),
                remedy=AS_RECORDS,
            )
    return [_object((name, values[row]) for name, values in columns.items()) for row in index]


def _object(fields: Iterable[tuple[str, msgspec.Raw]]) -> bytes:
    parts = chain.from_iterable((b",", msgspec.json.encode(n), b":", v) for n, v in fields)
    next(parts)
    return b"{" + b"".join(bytes(part) for part in parts) + b"}"


def _kind(raw: bytes | msgspec.Raw) -> bytes:
    """The first character of a value's text."""
    return bytes(raw).lstrip()[:1]


def _unnamed(path: Path) -> DatasetError:
    return DatasetError(
        "the samples are lists of values without names, as DataFrame.to_json writes with "
        'orient="values"',
        where=str(path),
        remedy=AS_RECORDS,
    )


def _malformed(error: msgspec.DecodeError, data: bytes, path: Path) -> DatasetError:
    place = _BAD_BYTE.search(str(error))
    found = _NOT_JSON.match(data, int(place[1])) if place else None
    if found is not None and place is not None:
        return DatasetError(
            f"byte {place[1]} begins {found[0].decode()}, which JSON does not have: a value is "
            "missing",
            where=str(path),
            remedy="Leave the sample out, or give it its text.",
        )
    return DatasetError(
        f"neither a JSON list nor JSON lines: {error}",
        where=str(path),
        remedy="The file may be cut short; fetch it again.",
    )
