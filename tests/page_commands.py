"""The commands that the pages tell their readers to type, and how each is known to work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TUTORIALS = ROOT / "docs" / "tutorials"
TYPED = re.compile(r"^(?:<!-- (?P<mark>[^\n]+) -->\n)?```sh\n(?P<text>.*?)^```", re.M | re.S)
# A mark that begins so says with which exit codes the test of the tutorials ends each command.
RUN = "run: "


@dataclass(frozen=True)
class Block:
    """What is typed in one go: the lines of a block, without comments, continued lines joined."""

    page: Path
    mark: str | None
    lines: tuple[str, ...]

    @property
    def codes(self) -> tuple[int, ...]:
        """The exit codes that its mark allows; empty: no test of the tutorials runs it."""
        if self.mark is None or not self.mark.startswith(RUN):
            return ()
        return tuple(int(each) for each in self.mark.removeprefix(RUN).split(" or "))


def blocks(page: Path) -> Iterator[Block]:
    """Every block of commands of a page, in order."""
    for found in TYPED.finditer(page.read_text(encoding="utf-8")):
        lines = found["text"].replace("\\\n", " ").splitlines()
        typed = (re.split(r"(?:^|\s)#", line)[0].strip() for line in lines)
        yield Block(page, found["mark"], tuple(line for line in typed if line))


def pages() -> list[Path]:
    """The first page and all of docs."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
