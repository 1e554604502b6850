"""Each line that docs/troubleshooting.md quotes is one that our sources say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"^```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
SYMPTOMS = (
    "Token", "Memory", "Ports", "Nodes", "TTFT over the limit", "Faster or slower than the target",
    "Driver too old", "No compiler", "Disk", "Ray",
)  # fmt: skip
# What stands for a value in a message that is put together.
GAP = "\0"


@cache
def said() -> str:
    """Every text of our sources, a formatted value as a gap."""
    return "\n".join(text for path in (ROOT / "sut").rglob("*.py") for text in texts(path))


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        if isinstance(node, ast.JoinedStr):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values
            )


def quoted() -> list[str]:
    return [line for block in SHOWN.findall(TEXT) for line in block.splitlines()]


def parts(line: str) -> list[str]:
    """What of a line is the same in every case; a word or two of it proves nothing."""
    return [part.strip() for part in line.split("…") if len(part.split()) > 2]


@pytest.mark.parametrize("line", quoted())
def test_our_sources_say_what_the_page_quotes(line: str) -> None:
    assert parts(line), "nothing of it is the same in every case"
    assert [part for part in parts(line) if part not in said()] == []


def test_the_search_can_fail() -> None:
    assert "the cluster has room for" in said()
    assert "the cluster has no room for" not in said()


@pytest.mark.parametrize("symptom", SYMPTOMS)
def test_each_symptom_has_a_line_and_a_cause(symptom: str) -> None:
    _, _, entry = TEXT.partition(f"\n## {symptom}\n")
    entry = entry.partition("\n## ")[0]
    assert SHOWN.search(entry)
    assert len(SHOWN.sub("", entry).strip()) > 40


def test_the_readme_leads_here() -> None:
    assert "docs/troubleshooting.md" in (ROOT / "README.md").read_text(encoding="utf-8")
