"""Which releases of LoadGen a round takes: the first, the last, and all between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sut.rules.loadgen_log import loadgen_release


@pytest.mark.parametrize(
    ("version", "passed"),
    [
        ("6.0.6", True), ("6.0.10", True), ("6.0.17", True), ("6.0.5", False), ("6.0.18", False),
        ("6.1.0", False), ("6.0.x", False), ("", False), (None, False),
    ],
)  # fmt: skip
def test_a_release_is_compared_number_by_number(version: str | None, passed: bool) -> None:
    case: Any = SimpleNamespace(
        demands=SimpleNamespace(releases=("6.0.6", "6.0.17"), round_name="v6.1"),
        logs=SimpleNamespace(loadgen_version=version),
    )
    (found,) = loadgen_release.checks(case)
    assert (found.measured, found.limit, found.passed) == (version, "6.0.6 to 6.0.17", passed)
    assert (found.source, found.keys) == ("round v6.1", ("loadgen_version",))


@pytest.mark.parametrize(("releases", "logs"), [(None, "6.0.17"), (("6.0.6", "6.0.17"), None)])
def test_without_a_round_or_a_log_no_release_is_right(releases: Any, logs: str | None) -> None:
    case: Any = SimpleNamespace(
        demands=SimpleNamespace(releases=releases, round_name="v6.1"),
        logs=SimpleNamespace(loadgen_version=logs) if logs else None,
    )
    assert [each.passed for each in loadgen_release.checks(case)] == [False]
