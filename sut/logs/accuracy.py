"""Reads mlperf_log_accuracy.json: what the system answered to each sample that LoadGen logged.

LoadGen writes one object per sample (logging.cc): `seq_id`, `qsl_idx`, `data` and, with token
latencies, `token_count`; outside Offline also `token_data`, the bytes reported as first token.
Bytes are hex, tokens little-endian integers. Any other entry is an error: a
verdict over half a log would be none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sut.errors import LogError
from sut.given_file import given_text
from sut.json_text import DoubledKeyError, decoded

ACCURACY_NAME = "mlperf_log_accuracy.json"
# What MLCommons' truncate_accuracy_log.py leaves between the two ends that it keeps.
CUT_FOR_SUBMISSION = "\n\n...\n\n"

REMEDY = f"Give the folder of a run whose {ACCURACY_NAME} is as LoadGen wrote it."

# A whole data set of 13368 answers is 15 MB; what is far beyond is not one of these logs.
MAX_BYTES = 512 * 1024 * 1024

TOKEN_TYPES: dict[str, np.dtype[Any]] = {"int32": np.dtype("<i4"), "int64": np.dtype("<i8")}


@dataclass(frozen=True, eq=False)
class LoggedAnswer:
    """One logged answer, without an opinion about it.

    Attributes:
        place: file and entry, for messages.
        seq_id: LoadGen's number of the query.
        sample_index: the sample that was asked (`qsl_idx`).
        tokens: token ids as the system returned them.
        first_tokens: token ids reported as first token; None where LoadGen logged none.
        token_count: the count given to LoadGen; None where it logged none.
    """

    place: str
    seq_id: int
    sample_index: int
    tokens: npt.NDArray[np.int64]
    first_tokens: npt.NDArray[np.int64] | None
    token_count: int | None


def read_accuracy_log(path: Path, token_type: str = "int32") -> list[LoggedAnswer]:
    """Every entry of an accuracy log, in its order.

    Args:
        path: the JSON file.
        token_type: a key of TOKEN_TYPES, the integers that `data` holds.

    Raises:
        LogError: missing, cut short, no JSON, or an entry that LoadGen does not write.
    """
    return list(_answers(path, _entries(path), TOKEN_TYPES[token_type]))


# Fewer words than this say nothing about their width.
LEAST_WORDS = 8


def token_type_of(path: Path) -> str:
    """A key of TOKEN_TYPES: int64 where each answer's every second int32 would be 0, else int32.

    A harness may hand LoadGen either, and no log says which. Token counts that go with int32 are
    believed over it.

    Raises:
        LogError: missing, cut short or no JSON.
    """
    words = 0
    for entry in _entries(path):
        data = entry.get("data") if isinstance(entry, dict) else None
        try:
            raw = bytes.fromhex(data) if isinstance(data, str) else b""
        except ValueError:
            return "int32"
        halves = np.frombuffer(raw, "<i4") if len(raw) % 8 == 0 else None
        counted = entry.get("token_count", len(raw) // 8) if isinstance(entry, dict) else None
        if halves is None or halves[1::2].any() or counted != len(raw) // 8:
            return "int32"
        words += len(halves)
    return "int64" if words >= LEAST_WORDS else "int32"


def _entries(path: Path) -> list[Any]:
    try:
        text = given_text(path, MAX_BYTES)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        message = f"the accuracy log cannot be read: {reason}."
        raise LogError(message, where=str(path), remedy=REMEDY) from error
    try:
        document = decoded(text)
    except json.JSONDecodeError as error:
        if CUT_FOR_SUBMISSION in text:
            raise LogError(
                "the accuracy log was shortened for a submission and holds only its two ends.",
                where=f"{path}:{error.lineno}",
                remedy="Give the log of the run itself.",
            ) from error
        message = f"the accuracy log is cut short or not JSON: {error.msg}, column {error.colno}."
        raise LogError(message, where=f"{path}:{error.lineno}", remedy=REMEDY) from error
    except DoubledKeyError as error:
        message = f"the accuracy log is not as LoadGen writes it: {error}."
        raise LogError(message, where=str(path), remedy=REMEDY) from error
    except ValueError as error:  # a number of thousands of digits, deep nesting
        raise LogError("the accuracy log is not JSON.", where=str(path), remedy=REMEDY) from error
    if not isinstance(document, list):
        message = "the accuracy log is not a JSON array of samples."
        raise LogError(message, where=str(path), remedy=REMEDY)
    return document


def _answers(path: Path, entries: list[Any], dtype: np.dtype[Any]) -> Iterator[LoggedAnswer]:
    for number, entry in enumerate(entries):
        place = f"{path}: entry {number}"
        if not isinstance(entry, dict):
            raise _bad("the entry is not a JSON object.", place)
        first = entry.get("token_data")
        yield LoggedAnswer(
            place=place,
            seq_id=_whole(entry, "seq_id", place),
            sample_index=_whole(entry, "qsl_idx", place),
            tokens=_tokens(entry.get("data"), "data", dtype, place),
            first_tokens=None if first is None else _tokens(first, "token_data", dtype, place),
            token_count=_whole(entry, "token_count", place) if "token_count" in entry else None,
        )


def _whole(entry: dict[str, Any], key: str, place: str) -> int:
    value = entry.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise _bad(f"{key} is {_shown(value)}, must be a whole number.", place)
    return value


def _tokens(value: Any, key: str, dtype: np.dtype[Any], place: str) -> npt.NDArray[np.int64]:
    """The integers that a hex string spells."""
    try:
        raw = bytes.fromhex(value)
    except (TypeError, ValueError) as error:
        raise _bad(f"{key} is {_shown(value)}, must be hex digits.", place) from error
    if len(raw) % dtype.itemsize:
        raise _bad(
            f"{key} has {len(raw)} bytes, must be a multiple of {dtype.itemsize} ({dtype.name}).",
            place,
        )
    return np.frombuffer(raw, dtype).astype(np.int64)


def _bad(message: str, place: str) -> LogError:
    return LogError(message, where=place, remedy=REMEDY)


def _shown(value: Any) -> str:
    """A value of a log, short enough for one line."""
    text = "missing" if value is None else json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}…"
