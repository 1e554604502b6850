"""One condition with its figure, its limit and its verdict; every judge speaks in these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from sut.figure_text import figure_text
from sut.logs.run_logs import significant_quantum
from sut.record.frozen import Published

Value = bool | int | float | str | None


class Check(Published):
    """One condition of validity."""

    rule: str = Field("", description="id of the rule it belongs to; see sut.rules.catalogue")
    name: str
    measured: Value = Field(description="null: not measured")
    limit: Value
    comparison: str = Field(description="how measured must stand to limit: ==, <, <=, >=")
    unit: str | None
    source: str = Field(description="where the condition comes from")
    passed: bool
    keys: tuple[str, ...] = Field(
        (), description="what proves it: LoadGen's keys, or <file>/<path> in the run's folder"
    )

    @property
    def judged(self) -> bool:
        """Whether there were a figure and a limit; if not, it failed for want of one."""
        return self.passed or (self.measured is not None and self.limit is not None)

    @property
    def reason(self) -> str:
        """The condition in words, with its figure and its limit."""
        unit = f" {self.unit}" if self.unit else ""
        measured = "not measured" if self.measured is None else f"{shown(self.measured)}{unit}"
        return f"{self.name}: {measured}, must be {self.comparison} {shown(self.limit)}{unit}"


def number(value: Value) -> int | float | None:
    """A figure of a log; a flag or a text is none."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def shown(value: Value) -> str:
    """A value as a person reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return figure_text(value, 6).replace(",", "") if isinstance(value, float) else str(value)


def check(
    name: str,
    measured: Value,
    comparison: str,
    limit: Value,
    source: str,
    *,
    unit: str | None = None,
    keys: tuple[str, ...] = (),
    holds: bool | None = None,
) -> Check:
    """One Check whose verdict follows from its figures; anything missing fails it.

    `holds` is the verdict on figures that must not be compared as they are shown, such as a
    value that LoadGen rounded to six digits.
    """
    known = measured is not None and limit is not None
    return Check(
        name=name,
        measured=measured,
        limit=limit,
        comparison=comparison,
        unit=unit,
        source=source,
        passed=known and (_holds(measured, comparison, limit) if holds is None else holds),
        keys=keys,
    )


def _holds(measured: Any, comparison: str, limit: Any) -> bool:
    tests: dict[str, Callable[[], bool]] = {
        # 1 is not true: a number in a log is not a flag.
        "==": lambda: isinstance(measured, bool) == isinstance(limit, bool) and measured == limit,
        "<": lambda: measured < limit,
        "<=": lambda: measured <= limit,
        ">=": lambda: measured >= limit,
    }
    return bool(tests[comparison]())


def same_setting(wanted: Value, logged: Value) -> bool:
    """Whether LoadGen's value is the wanted one; its doubles have 6 significant digits."""
    if isinstance(wanted, bool) or isinstance(logged, bool):
        return wanted is logged
    numbers = isinstance(wanted, int | float) and isinstance(logged, int | float)
    if numbers and (isinstance(wanted, float) or isinstance(logged, float)):
        wanted, logged = float(wanted or 0), float(logged or 0)
        return abs(wanted - logged) <= significant_quantum(wanted) / 2 * (1 + 1e-9)
    return wanted is not None and wanted == logged
