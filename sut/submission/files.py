"""A file of a tree as text: blank or not, and JSON without a key twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sut.given_file import given_bytes
from sut.json_text import decoded

# A longer file is not read to see whether it says nothing.
BLANK_MOST_BYTES = 65536


def says_nothing(path: Path) -> bool:
    """Whether a file is missing, empty, or holds blanks and line ends only."""
    if not path.is_file():
        return True
    size = path.stat().st_size
    return not size or (size <= BLANK_MOST_BYTES and not path.read_bytes().strip(b" \t\r\n\f\v\0"))


def lines_of(path: Path) -> list[str]:
    """The lines of a text, without the blanks around them."""
    text = given_bytes(path).decode("utf-8", errors="replace")
    return [line.strip() for line in text.splitlines()]


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that a text is.

    Raises:
        ValueError: it is none, holds a key twice, or a number that JSON does not have.
    """
    document = decoded(text, parse_constant=_refuse)
    if not isinstance(document, dict):
        raise ValueError("it holds no JSON object")
    return document


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not a number of JSON")
