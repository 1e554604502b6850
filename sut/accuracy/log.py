"""mlperf_log_accuracy.json → answers as token ids.

LoadGen writes a JSON list of {"seq_id", "qsl_idx", "data", "token_data", "token_count"}: `data`
is the answer's bytes in hexadecimal, little-endian int32 here; `token_data` are the first
token's, only outside Offline; both token keys only with token latencies (mlperf.md §3.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from qsl.dataset import TokenIds
from sut.errors import LogError

ACCURACY_LOG = "mlperf_log_accuracy.json"
# What MLCommons' truncate_accuracy_log.py leaves between the two ends that it keeps.
_CUT_FOR_SUBMISSION = b"\n\n...\n\n"
_INT32_BYTES = 4


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


def read_accuracy_log(path: Path) -> list[Answer]:
    """Every entry, in the order of the file.

    Raises:
        LogError: missing, cut short, not of this form, or an entry holds no int32 token ids.
    """
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
    return [_answer(entry, number, path) for number, entry in enumerate(entries)]


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
        f"the accuracy log is no whole JSON list of LoadGen's entries ({len(content)} bytes): "
        f"{error}.",
        where=str(path),
        remedy="The run was cut short or the file was changed; run accuracy mode again.",
    )


def _answer(entry: _Entry, number: int, path: Path) -> Answer:
    first = entry.token_data
    if entry.qsl_idx < 0:
        raise _bad_entry(path, number, f"qsl_idx is {entry.qsl_idx}, must not be negative")
    return Answer(
        seq_id=entry.seq_id,
        sample_index=entry.qsl_idx,
        tokens=_tokens(entry.data, "data", number, path),
        first_tokens=None if first is None else _tokens(first, "token_data", number, path),
        token_count=entry.token_count,
    )


def _tokens(text: str, key: str, number: int, path: Path) -> TokenIds:
    try:
        content = bytes.fromhex(text)
    except ValueError as error:
        raise _bad_entry(path, number, f"{key} is not hexadecimal") from error
    if len(content) % _INT32_BYTES:
        raise _bad_entry(path, number, f"{key} has {len(content)} bytes, no whole int32 ids")
    tokens = np.frombuffer(content, "<i4")
    if tokens.size and tokens.min() < 0:
        raise _bad_entry(path, number, f"{key} holds token id {tokens.min()}")
    return tokens


def _bad_entry(path: Path, number: int, fault: str) -> LogError:
    return LogError(
        f"entry {number}: {fault}.",
        where=str(path),
        remedy="The harness logs non-negative int32 token ids; is this a log of this harness?",
    )
