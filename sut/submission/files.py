"""A file of a tree as text: blank or not, and JSON without a key twice."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from sut.given_file import given_bytes
from sut.json_text import decoded

# A longer file is not read to see whether it says nothing.
BLANK_MOST_BYTES = 65536
CONVERTED = "Its line ends were converted to CRLF; whoever wrote it ends lines with LF."
COPY_WHOLE = (
    "Copy the tree again as it was (git: core.autocrlf false; some ZIP tools convert, too)."
)


def says_nothing(path: Path) -> bool:
    """Whether a file is missing, empty, or holds blanks and line ends only."""
    if not path.is_file():
        return True
    size = path.stat().st_size
    return not size or (size <= BLANK_MOST_BYTES and not path.read_bytes().strip(b" \t\r\n\f\v\0"))


def was_converted(path: Path, digests: Collection[str]) -> bool:
    """Whether a file that has none of these SHA-256 has one of them with its LF line ends back."""
    content = given_bytes(path)
    without = content.replace(b"\r\n", b"\n")
    return without != content and hashlib.sha256(without).hexdigest() in digests


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
