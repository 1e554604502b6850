"""A single check: how settings are compared, and what its figures and words amount to."""

from __future__ import annotations

from typing import Any

import pytest

from sut.rules.check import Check, check, same_setting


@pytest.mark.parametrize(
    ("wanted", "logged", "same"),
    [
        (600000, 600000, True),
        (600000, 600001, False),
        (16159082839903944936, 16159082839903944937, False),
        (0.95, 0.95, True),
        (1.2345678, 1.23457, True),
        (1.2345678, 1.23458, False),
        (1e8, 100000000, True),
        (1, True, False),
        (True, True, True),
        (False, 0, False),
        ("Server", "Server", True),
        ("Server", None, False),
        (None, None, False),
        (0.0, 0, True),
    ],
)
def test_same_setting(wanted: Any, logged: Any, same: bool) -> None:
    assert same_setting(wanted, logged) is same


@pytest.mark.parametrize(
    ("measured", "comparison", "limit", "passed"),
    [(1, "<", 1, False), (1, "<=", 1, True), (1, ">=", 1, True), (1, "==", 1, True)]
    + [(None, op, 1, False) for op in ("<", "<=", ">=", "==")]
    + [(None, "==", None, False), (2, "<=", 1, False), (0, ">=", 1, False)],
)
def test_check_follows_from_its_figures(
    measured: int | None, comparison: str, limit: int | None, passed: bool
) -> None:
    made = check("figure", measured, comparison, limit, "here", unit="ms")
    assert made.passed is passed
    shown = "not measured" if measured is None else f"{measured} ms"
    assert made.reason == f"figure: {shown}, must be {comparison} {limit} ms"


def test_reason_speaks_of_flags_in_words() -> None:
    made = Check(
        name="flag", measured=False, limit=True, comparison="==", unit=None, source="", passed=False
    )
    assert made.reason == "flag: no, must be == yes"
