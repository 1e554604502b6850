from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.schema import SystemConfig
from sut.engines.base import EngineInfo
from sut.errors import EngineStartError
from sut.session import agreed_sha256, notes
from tests.unit.result.sessions import make_config


def info(sha256: str | None) -> EngineInfo:
    return EngineInfo("vllm", 2, {}, {}, model_sha256=sha256)


def test_the_checksum_is_that_of_the_weights_that_answer() -> None:
    assert agreed_sha256(info(None), "here") == "here"
    assert agreed_sha256(info("there"), None) == "there", "a control node may have no weights"
    assert agreed_sha256(info("same"), "same") == "same"
    assert agreed_sha256(info(None), None) is None


def test_other_weights_on_the_replicas_are_refused() -> None:
    with pytest.raises(EngineStartError, match="not those of this machine"):
        agreed_sha256(info("there"), "here")


def test_settings_that_nobody_measured_are_a_note_and_no_reason_against_a_run(
    tmp_path: Path,
) -> None:
    config = make_config(("server",))
    assert notes(config, tmp_path) == []
    unmeasured = config.model_copy(update={"system": SystemConfig(name="a30-bf16")})
    (said,) = notes(unmeasured, tmp_path)
    assert "a30-bf16" in said
