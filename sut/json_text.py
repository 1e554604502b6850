"""JSON in which no object holds a key twice: a reader that takes the last would see another file.

Python's own decoder keeps the last value of a key that stands there twice, others the first. So a
document with one says different things to different readers, and is refused wherever it is read.
"""

from __future__ import annotations

import json
from typing import Any


class DoubledKeyError(ValueError):
    """An object of a document holds a key more than once; the text names it."""


def decoded(text: str | bytes, **more: Any) -> Any:
    """The value of a JSON text.

    Args:
        text: the document.
        more: what `json.loads` takes besides.

    Raises:
        DoubledKeyError: a key stands twice in one object.
        ValueError: it is no JSON, or is nested beyond all measure.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, **more)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(key for key in names if names.count(key) > 1)
        raise DoubledKeyError(f"it holds the key {twice} more than once")
    return found
