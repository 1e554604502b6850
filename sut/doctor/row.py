"""One thing looked at: what was found, and what helps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warn", "fail"]
OK, WARN, FAIL = "ok", "warn", "fail"


@dataclass(frozen=True)
class Row:
    """A line of `doctor`.

    Attributes:
        name: what was looked at.
        state: ok; warn: a run works, and a reader should know; fail: a run does not work.
        found: what is there, in words.
        remedy: what to do; None where nothing is to be done.
    """

    name: str
    state: State
    found: str
    remedy: str | None = None


def ok(name: str, found: str) -> Row:
    """All is well."""
    return Row(name, "ok", found)


def warn(name: str, found: str, remedy: str | None = None) -> Row:
    """A run works; this makes it slower, noisier or less believable."""
    return Row(name, "warn", found, remedy)


def fail(name: str, found: str, remedy: str | None = None) -> Row:
    """A run does not work."""
    return Row(name, "fail", found, remedy)


Look = Callable[[], Iterable[Row]]


def rows_of(looks: Iterable[tuple[str, Look]]) -> list[Row]:
    """Every look's rows; a look that fails itself is a row, and costs no other."""
    found: list[Row] = []
    for name, look in looks:
        try:
            found += look()
        except Exception as error:  # noqa: BLE001 - a doctor who faints helps nobody
            what = f"could not be looked at: {type(error).__name__}: {error}"
            found.append(warn(name, what.splitlines()[0]))
    return found
