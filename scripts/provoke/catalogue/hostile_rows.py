"""Data sets that are well-formed JSON and no data set, or one that nobody wants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

HONEST: dict[str, Any] = {"input": "a b", "tok_input": [1, 2, 3], "output": "c"}


def _of(*rows: Any) -> Callable[[], bytes]:
    return lambda: json.dumps(list(rows)).encode()


def _with(**values: Any) -> Callable[[], bytes]:
    """Eight honest rows, and one that is not."""
    return _of(*([HONEST] * 8), {**HONEST, **values})


# In words; the bytes; whether it is an honest data set all the same.
ROWS: Mapping[str, tuple[str, Callable[[], bytes], bool]] = {
    "none": ("no row", _of(), False),
    "one": ("one row", _of(HONEST), True),
    "numbers": ("numbers for rows", _of(1, 2, 3), False),
    "nulls": ("rows that are null", _of(None, None), False),
    "strings": ("rows that are text", _of("a", "b"), False),
    "lists": ("rows that are lists", _of(["a"], ["b"]), False),
    "mixed": ("rows of unlike keys", _of(HONEST, {"input": "a"}), False),
    "no-columns": ("rows without a known column", _of({"text": "a"}, {"text": "b"}), False),
    "empty-text": ("an empty input", _with(input=""), True),
    "empty-ids": ("a prompt of no ids", _with(tok_input=[]), False),
    "negative-id": ("a negative id", _with(tok_input=[-1]), False),
    "large-id": ("an id beyond the vocabulary", _with(tok_input=[10**6]), False),
    "huge-id": ("an id beyond 64 bits", _with(tok_input=[10**30]), False),
    "float-id": ("an id that is a fraction", _with(tok_input=[1.5]), False),
    "text-id": ("an id that is text", _with(tok_input=["1"]), False),
    "nested-ids": ("ids in a list of a list", _with(tok_input=[[1, 2]]), False),
    "null-ids": ("ids that are null", _with(tok_input=[None]), False),
    "true-ids": ("ids that are true", _with(tok_input=[True]), False),
    "number-text": ("an input that is a number", _with(input=7), False),
    "long-prompt": ("a prompt of 1,000,000 ids", _with(tok_input=[1] * 1_000_000), False),
    "long-text": ("an input of 20 MB", _with(input="a " * 10_000_000), True),
    "nul-text": ("an input of zero bytes", _with(input="\0" * 1000), True),
    "special": ("an input of special tokens", _with(input="<|im_end|>" * 500), True),
    "surrogate": ("half a surrogate pair", lambda: b'[{"input": "\\ud800", "output": "a"}]', False),
    "no-reference": ("rows without a reference", _of({"tok_input": [1]}, {"tok_input": [2]}), True),
    "many-keys": (
        "a row of 100,000 keys",
        lambda: json.dumps([{**HONEST, **{f"k{i}": i for i in range(100_000)}}]).encode(),
        True,
    ),
    "deep-value": (
        "a row with a value nested 100,000 deep",
        lambda: b'[{"input": "a", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]",
        False,
    ),
    "doubled": (
        "a row with a key twice",
        lambda: b'[{"input": "a", "input": "b", "output": "c"}]',
        True,
    ),
}
