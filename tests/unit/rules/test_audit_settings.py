"""A compliance run is held to the audit.config that ships with the harness."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from sut.rules.run import audit_settings


def asked(test: str, **logged: Any) -> list[tuple[str, Any, bool]]:
    case: Any = SimpleNamespace(
        evidence=SimpleNamespace(run=SimpleNamespace(test=test)), logged=logged.get
    )
    return [(each.name, each.limit, each.passed) for each in audit_settings.checks(case)]


def test_each_setting_of_the_file_is_asked() -> None:
    logged = {
        "effective_accuracy_log_rng_seed": 720381539243781796,
        "effective_accuracy_log_sampling_target": 100,
        "effective_min_duration_ms": 0,
        "effective_sample_concatenate_permutation": True,
    }
    assert asked("TEST06", **logged) == [
        ("accuracy_log_rng_seed", 720381539243781796, True),
        ("accuracy_log_sampling_target", 100, True),
        ("min_duration_ms", 0, True),
        ("sample_concatenate_permutation", False, False),
    ]


def test_of_a_test_that_is_not_here_nothing_is_asked() -> None:
    assert asked("TEST99") == []
