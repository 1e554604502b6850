"""vLLM's exceptions → ours, at the border; nothing of vLLM's travels further."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sut.errors import EngineStartError

# Lines of a Python traceback's last frame: "RuntimeError: message", also behind vLLM's log
# prefix "(EngineCore pid=7) ERROR 11-23 23:59:59 [core.py:1] ".
ERROR_LINE = re.compile(r"(?P<kind>[A-Z]\w*(?:Error|Exception|Interrupt)): (?P<text>\S.*)")
# What vLLM raises in our process when the real cause is in the engine's own log.
INDIRECT = ("Engine core initialization failed", "See root cause above", "See stack trace")


def describe(error: BaseException) -> str:
    """One line for a person: the exception's kind and first line."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def root_cause(log: Path) -> str | None:
    """The first error that an engine process wrote to its log, if one stands there."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    for line in lines:
        found = ERROR_LINE.search(line)
        if found and not any(phrase in line for phrase in INDIRECT):
            return f"{found['kind']}: {found['text']}"
    return None


@contextmanager
def start_failures(log: Path) -> Iterator[None]:
    """Turn whatever goes wrong while vLLM starts into one EngineStartError."""
    try:
        yield
    except EngineStartError:
        raise
    except Exception as error:
        cause = root_cause(log) or describe(error)
        raise EngineStartError(
            f"vLLM could not start: {cause.rstrip('.')}.",
            remedy=f"The engine's own words are in {log}.",
        ) from error
