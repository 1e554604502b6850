from __future__ import annotations

import pytest

from sut.engines.base import EngineInfo
from sut.errors import EngineStartError
from sut.session import agreed_sha256


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
