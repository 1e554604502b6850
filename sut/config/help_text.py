"""The help's own words at the width of the terminal; commands and tables stay what they are."""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Iterator

# Wider prose is hard to read, however wide the terminal.
WIDEST = 100
_ROW = re.compile(r"\s*\S.*?\S\s{2,}(?=\S)|\s*\S\s{2,}(?=\S)")
_COMMAND = re.compile(r"\s+(python |sut |make |pip )")


class Narrow(argparse.RawDescriptionHelpFormatter):
    """Prose is filled anew, and so is the right side of a table; any other line is kept."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(f"{indent}{line}\n" for line in filled(text, min(width, WIDEST)))


def filled(text: str, width: int) -> Iterator[str]:
    """The lines of a text, none wider unless it has to be kept as it is.

    Args:
        text: paragraphs begin in the first column, rows have two blanks or more in them, and go on
            below their right side; commands and files of others are indented.
        width: in characters.
    """
    block: list[str] = []
    for line in text.splitlines():
        if block and _goes_on(block, line):
            block.append(line)
            continue
        yield from _block(block, width)
        block = [line]
    yield from _block(block, width)


def _begin(first: str) -> int | None:
    """The column in which a block's text begins; None: its lines are kept."""
    if not first.strip() or _COMMAND.match(first):
        return None
    if (row := _ROW.match(first)) is not None:
        return row.end()
    return None if first[0] == " " or first.endswith(":") else 0


def _goes_on(block: list[str], line: str) -> bool:
    begin = _begin(block[0])
    if begin is None or not line.strip() or len(line) - len(line.lstrip()) != begin:
        return False
    return begin > 0 or _begin(line) == 0


def _block(block: list[str], width: int) -> Iterator[str]:
    begin = _begin(block[0]) if block else None
    if begin is None:
        yield from block
        return
    words = " ".join([block[0][begin:], *(each.strip() for each in block[1:])])
    yield from textwrap.wrap(
        words, width, initial_indent=block[0][:begin], subsequent_indent=" " * begin,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
