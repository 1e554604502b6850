"""A session whose configuration holds what the round fixes otherwise is not VALID, ever."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.config.held import held_values, load_profile
from sut.config.names import Scenario
from sut.config.official import officials
from sut.config.rounds import Round
from sut.result.build import build
from sut.rules.check import Check
from tests.unit.result.sessions import dump, make_round, make_session

SEALED_CHECK = "values that round or benchmark fixes otherwise"


def sealed_session(parent: Path, **model: Any) -> Path:
    """A session of the mlperf profile that has every value that the round asks for."""
    root = make_session(parent, "offline", profile="mlperf")
    document = json.loads((root / "config.json").read_text())
    held = held_values(load_profile("mlperf"), make_round(), "llama3.1-8b", Scenario.OFFLINE)
    for key, setting in held.items():
        section, _, name = key.partition(".")
        document["config"][section][name] = setting.value
    document["config"]["model"] |= model
    dump(root / "config.json", document)
    return root


def change(root: Path, key: str, value: object) -> None:
    document = json.loads((root / "config.json").read_text())
    section, _, name = key.partition(".")
    document["config"][section][name] = value
    dump(root / "config.json", document)


def sealed(root: Path, round_: Round | None = None) -> Check | None:
    checks = build(root, round_ or make_round()).scenarios[Scenario.OFFLINE].checks
    return next((each for each in checks if each.rule == "sealed-values"), None)


def test_the_rounds_own_values_pass(tmp_path: Path) -> None:
    found = sealed(sealed_session(tmp_path))
    assert found is not None
    assert (found.measured, found.passed) == ("none", True)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("generation.max_tokens", 16),
        ("generation.max_tokens", 256),
        ("generation.min_tokens", 0),
        ("model.loadgen_model", "llama3_1-8b-interactive"),
        ("dataset.max_samples", 48),
        ("loadgen.performance_sample_count", 48),
        ("offline.min_query_count", 100),
        ("server.latency_percentile", 90.0),
        ("validity.min_success_rate", 0.5),
        ("warmup.queries", 0),
    ],
)
def test_any_other_makes_the_result_invalid_and_is_named(
    tmp_path: Path, key: str, value: object
) -> None:
    root = sealed_session(tmp_path)
    change(root, key, value)
    result = build(root, make_round())
    assert not result.valid
    assert any(
        SEALED_CHECK in reason and f"{key} is {value}" in reason for reason in result.reasons
    )


def test_the_weights_go_with_what_the_benchmark_fixes(tmp_path: Path) -> None:
    (own,) = officials()
    values = {key.partition(".")[2]: setting.value for key, setting in own.held.items()}
    root = sealed_session(tmp_path, official=True, **values)
    found = sealed(root)
    assert found is not None
    assert found.passed
    change(root, "model.eos_token_ids", [128001, 128008, 128009, 13])
    assert "model.eos_token_ids is [128001, 128008, 128009, 13]" in str(sealed(root))
    change(root, "model.official", value=False)
    assert "none" in str(sealed(root)), "another model has ids of its own"


def test_quick_relaxes_them(tmp_path: Path) -> None:
    assert sealed(make_session(tmp_path, "offline")) is None


def test_without_the_rounds_rules_nothing_is_known_and_that_fails(tmp_path: Path) -> None:
    root = sealed_session(tmp_path)
    document = json.loads((root / "config.json").read_text())
    document["config"]["round"] = "v9.9"
    dump(root / "config.json", document)
    result = build(root)
    runs = result.scenarios.values()
    (sealed,) = (each for run in runs for each in run.checks if each.name == SEALED_CHECK)
    assert not sealed.passed
    assert not sealed.judged
