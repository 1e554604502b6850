"""What the tests share: recorded logs, and a copy of user_confs that they may write into."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qsl import prompts
from sut.config import shipped
from sut.config.official import officials
from sut.config.round_files import round_leaves
from sut.config.rounds import load_round
from tests.unit.result.sessions import RECORDED


@pytest.fixture
def recorded() -> Path:
    """The folder of our recorded LoadGen logs."""
    return RECORDED


@pytest.fixture
def conf_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of user_confs in which rounds, models and prompt forms can be written."""
    root = tmp_path / "user_confs"
    shutil.copytree(shipped.CONF_ROOT, root)
    monkeypatch.setattr(shipped, "CONF_ROOT", root)
    monkeypatch.setattr(prompts, "PROMPTS", root / "prompts")
    caches = (load_round, round_leaves, officials, prompts.find_format)
    for each in caches:
        each.cache_clear()
    yield root
    for each in caches:
        each.cache_clear()
