"""`python -m scripts.check_lengths`: no function over 40 lines, no module over 400.

A part of `make lint`: ruff counts statements and branches, not lines. Tests are held to the
modules' bound alone.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGES = ("sut", "qsl", "audit", "scripts", "tests")
MOST_FUNCTION_LINES = 40
MOST_MODULE_LINES = 400
TESTS = "tests"


def too_long(root: Path, packages: Iterable[str] = PACKAGES) -> Iterator[str]:
    """A line for each function and module below `root` that is too long."""
    for path in (path for name in packages for path in sorted((root / name).rglob("*.py"))):
        text = path.read_text(encoding="utf-8")
        place = path.relative_to(root)
        lines = len(text.splitlines())
        if lines > MOST_MODULE_LINES:
            yield f"{place}: {lines} lines, at most {MOST_MODULE_LINES}"
        if place.parts[0] != TESTS:
            yield from _functions(ast.parse(text), place)


def _functions(module: ast.Module, place: Path) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > MOST_FUNCTION_LINES:
                most = MOST_FUNCTION_LINES
                yield f"{place}:{node.lineno}: {node.name} has {lines} lines, at most {most}"


def main() -> int:
    """Print what is too long.

    Returns:
        1 if anything is.
    """
    found = list(too_long(Path(__file__).resolve().parents[1]))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
