"""The answers of an accuracy log that can be scored: token ids, as many as LoadGen was told of."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qsl.dataset import TokenIds
from sut.errors import LogError
from sut.logs.accuracy import TOKEN_TYPES, LoggedAnswer, read_accuracy_log

_INT32 = TOKEN_TYPES["int32"]


@dataclass(frozen=True, eq=False)
class Answer:
    """One answer.

    Args:
        sample_index: the sample that was asked.
        tokens: int32 ids of the answer; empty for a sample that failed.
    """

    sample_index: int
    tokens: TokenIds


def read_answers(path: Path, token_type: str = "int32") -> list[Answer]:
    """Every answer, in the order of the file.

    Args:
        path: the accuracy log.
        token_type: a key of `sut.logs.accuracy.TOKEN_TYPES`, the integers that `data` holds.

    Raises:
        LogError: the log cannot be read, or an entry holds no token ids of this type or not as
            many as LoadGen was told of.
    """
    dtype = TOKEN_TYPES[token_type]
    return [_answer(entry, dtype) for entry in read_accuracy_log(path, token_type)]


def first_per_sample(answers: list[Answer]) -> list[Answer]:
    """One answer per sample: the first in the file counts, as in the official evaluation."""
    found: dict[int, Answer] = {}
    for answer in answers:
        found.setdefault(answer.sample_index, answer)
    return list(found.values())


def _answer(entry: LoggedAnswer, dtype: np.dtype[Any]) -> Answer:
    if entry.sample_index < 0:
        raise _bad(entry, f"qsl_idx is {entry.sample_index}, must not be negative")
    for id_ in (entry.tokens.min(), entry.tokens.max()) if entry.tokens.size else ():
        if not 0 <= id_ <= np.iinfo(_INT32).max:
            raise _bad(entry, f"data holds token id {id_}")
    fault = _miscounted(entry, dtype)
    if fault is not None:
        raise _bad(entry, fault)
    return Answer(entry.sample_index, entry.tokens.astype(_INT32))


def _miscounted(entry: LoggedAnswer, dtype: np.dtype[Any]) -> str | None:
    """What is wrong where LoadGen was told of another number of tokens; None where nothing is.

    Ids of another width are valid ids too, only not those of the answer: their number alone
    gives them away.
    """
    count, tokens = entry.token_count, entry.tokens
    if count is None or count == len(tokens):
        return None
    fault = f"token_count is {count}, and data holds {len(tokens)} {dtype.name} ids"
    if dtype == _INT32 and len(tokens) == 2 * count and not tokens[1::2].any():
        return f"{fault}, every second of them 0 as in a log of int64"
    return fault


def _bad(entry: LoggedAnswer, fault: str) -> LogError:
    return LogError(
        f"{fault}.",
        where=entry.place,
        remedy="The harness logs non-negative int32 token ids; `accuracy --token-type int64` reads "
        "a log from elsewhere that holds int64.",
    )
