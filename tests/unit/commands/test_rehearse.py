"""A rehearsal states whatever reaches its engine: nobody types --set for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.commands.rehearse import _loader
from sut.inputs.variables import require_declared
from sut.rehearsal.measure import overrides


@pytest.mark.usefixtures("dummy_model")
def test_a_variable_of_the_environment_is_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = overrides("v6.1", tmp_path, fast=False)
    monkeypatch.setenv("VLLM_USE_SOMETHING", "1")
    found = _loader()(base)
    assert "VLLM_USE_SOMETHING" in found.config.engine.environment
    assert found.origins["engine.environment"] == "environment"
    require_declared(found.config, {"VLLM_USE_SOMETHING": "1"})
    monkeypatch.delenv("VLLM_USE_SOMETHING")
    assert "VLLM_USE_SOMETHING" not in _loader()(base).config.engine.environment
