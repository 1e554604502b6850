"""mlperf_log_accuracy.json → answers as token ids.

LoadGen writes a JSON list of {"seq_id", "qsl_idx", "data", "token_data", "token_count"}: `data`
is the answer's bytes in hexadecimal, little-endian int32 here and int64 in some logs from
elsewhere; `token_data` are the first token's, only outside Offline; both token keys only with
token latencies (LoadGen logging.cc).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from audit.samples import TOKEN_TYPES
from qsl.dataset import TokenIds
from sut.errors import LogError

ACCURACY_LOG = "mlperf_log_accuracy.json"
# What MLCommons' truncate_accuracy_log.py leaves between the two ends that it keeps.
_CUT_FOR_SUBMISSION = b"\n\n...\n\n"
_INT32 = TOKEN_TYPES["int32"]


@dataclass(frozen=True, eq=False)
class Answer:
    """One entry of the log.

    Args:
        seq_id: LoadGen's number of the query.
        sample_index: the sample that was asked.
        tokens: int32 ids of the answer; empty for a sample that failed.
        first_tokens: int32 ids reported as first token; None where LoadGen logs none.
        token_count: tokens that LoadGen was told of; None where it logs none.
    """

    seq_id: int
    sample_index: int
    tokens: TokenIds
    first_tokens: TokenIds | None
    token_count: int | None


class _Entry(msgspec.Struct, gc=False):
    """An entry as it stands in the file; keys of later LoadGen releases are skipped."""

    seq_id: int
    qsl_idx: int
    data: str
    token_data: str | None = None
    token_count: int | None = None


def read_accuracy_log(path: Path, token_type: str = "int32") -> list[Answer]:
    """Every entry, in the order of the file.

    Args:
        path: the JSON file.
        token_type: a key of `audit.samples.TOKEN_TYPES`, the integers that `data` holds.

    Raises:
        LogError: missing, cut short, not of this form, or an entry holds no token ids of this
            type or not as many as LoadGen was told of.
    """
    dtype = TOKEN_TYPES[token_type]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise LogError(
            f"the accuracy log cannot be read: {error.strerror}.",
            where=str(path),
            remedy="Name the folder of an accuracy run.",
        ) from error
    try:
        entries = msgspec.json.decode(content, type=list[_Entry])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(path, content, error) from error
    return [_answer(entry, number, path, dtype) for number, entry in enumerate(entries)]


def first_per_sample(answers: list[Answer]) -> list[Answer]:
    """One answer per sample: the first in the file counts, as in the official evaluation."""
    found: dict[int, Answer] = {}
    for answer in answers:
        found.setdefault(answer.sample_index, answer)
    return list(found.values())


def _broken(path: Path, content: bytes, error: Exception) -> LogError:
    if _CUT_FOR_SUBMISSION in content:
        return LogError(
            "the accuracy log was shortened for a submission and holds only its two ends.",
            where=str(path),
            remedy="Evaluate the log of the run itself.",
        )
    return LogError(
        f"the accuracy log is not a whole JSON list of LoadGen's entries ({len(content)} bytes): "
        f"{error}.",
        where=str(path),
        remedy="The run was cut short or the file was changed; run accuracy mode again.",
    )


def _answer(entry: _Entry, number: int, path: Path, dtype: np.dtype[Any]) -> Answer:
    first = entry.token_data
    if entry.qsl_idx < 0:
        raise _bad_entry(path, number, f"qsl_idx is {entry.qsl_idx}, must not be negative")
    tokens = _tokens(entry.data, "data", number, path, dtype)
    fault = _miscounted(tokens, entry.token_count, dtype)
    if fault is not None:
        raise _bad_entry(path, number, fault)
    return Answer(
        seq_id=entry.seq_id,
        sample_index=entry.qsl_idx,
        tokens=tokens,
        first_tokens=None if first is None else _tokens(first, "token_data", number, path, dtype),
        token_count=entry.token_count,
    )


def _miscounted(tokens: TokenIds, count: int | None, dtype: np.dtype[Any]) -> str | None:
    """What is wrong where LoadGen was told of another number of tokens; None where nothing is.

    Ids of another width are valid ids too, only not those of the answer: their number alone
    gives them away.
    """
    if count is None or count == len(tokens):
        return None
    fault = f"token_count is {count}, and data holds {len(tokens)} {dtype.name} ids"
    if dtype == _INT32 and len(tokens) == 2 * count and not tokens[1::2].any():
        return f"{fault}, every second of them 0 as in a log of int64"
    return fault


def _tokens(text: str, key: str, number: int, path: Path, dtype: np.dtype[Any]) -> TokenIds:
    try:
        content = bytes.fromhex(text)
    except ValueError as error:
        raise _bad_entry(path, number, f"{key} is not hexadecimal") from error
    if len(content) % dtype.itemsize:
        fault = f"{key} has {len(content)} bytes, no whole {dtype.name} ids"
        raise _bad_entry(path, number, fault)
    tokens = np.frombuffer(content, dtype)
    for id_ in (tokens.min(), tokens.max()) if tokens.size else ():
        if not 0 <= id_ <= np.iinfo(_INT32).max:
            raise _bad_entry(path, number, f"{key} holds token id {id_}")
    return tokens.astype(_INT32, copy=False)


def _bad_entry(path: Path, number: int, fault: str) -> LogError:
    return LogError(
        f"entry {number}: {fault}.",
        where=str(path),
        remedy="The harness logs non-negative int32 token ids; `accuracy --token-type int64` reads "
        "a log from elsewhere that holds int64.",
    )
