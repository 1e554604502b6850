"""vLLM's exceptions → ours, at the border; nothing of vLLM's travels further."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sut.errors import EngineStartError

# Lines of a Python traceback's last frame: "RuntimeError: message", also behind vLLM's log
# prefix "(EngineCore pid=7) ERROR 11-23 23:59:59 [core.py:1] ".
ERROR_LINE = re.compile(r"(?P<kind>[A-Z]\w*(?:Error|Exception|Interrupt)): (?P<text>\S.*)")
# What vLLM raises in our process when the real cause is in the engine's own log.
INDIRECT = ("Engine core initialization failed", "See root cause above", "See stack trace")
# Pydantic's first line only counts; what is wrong stands below it, before "[type=".
COUNT = re.compile(r"\d+ validation errors? for (?P<model>\S+)")
PREFIX = re.compile(r"^\(\S+ pid=\d+\) [A-Z]+ \S+ \S+ \[\S+\] ")


def describe(error: BaseException) -> str:
    """One line for a person: the exception's kind and first line, or what a count hides."""
    lines = str(error).strip().splitlines()
    return _told(type(error).__name__, lines[0], lines[1:]) if lines else type(error).__name__


def _told(kind: str, text: str, below: Sequence[str]) -> str:
    counted = COUNT.match(text)
    if counted is None:
        return f"{kind}: {text}"
    lines = [PREFIX.sub("", each) for each in below[:2]]
    # The first fault: the field at the margin, if it is of one, then what is wrong, indented.
    field = f"{lines[0].strip()}: " if lines and not lines[0].startswith(" ") else ""
    wrong = (each.strip() for each in lines[1 if field else 0 :])
    cause = next(wrong, text).partition(" [type=")[0].removeprefix("Value error, ")
    return f"{counted['model']}: {field}{cause}"


def root_cause(log: Path) -> str | None:
    """The first error that an engine process wrote to its log, if one stands there."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return None
    for place, line in enumerate(lines):
        found = ERROR_LINE.search(line)
        if found and not any(phrase in line for phrase in INDIRECT):
            return _told(found["kind"], found["text"], lines[place + 1 :])
    return None


def _has_words(log: Path) -> bool:
    """An engine whose arguments do not fit has not begun its log."""
    return log.is_file() and log.stat().st_size > 0


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
            remedy=f"The engine's own words are in {log}." if _has_words(log) else None,
        ) from error
