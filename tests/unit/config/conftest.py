from __future__ import annotations

import shutil

import pytest

from sut.config import shipped
from sut.config.official import officials
from sut.config.round_files import round_leaves
from sut.config.rounds import load_round


@pytest.fixture
def conf_root(tmp_path, monkeypatch):
    """A copy of user_confs in which rounds and models can be written."""
    root = tmp_path / "user_confs"
    shutil.copytree(shipped.CONF_ROOT, root)
    monkeypatch.setattr(shipped, "CONF_ROOT", root)
    caches = (load_round, round_leaves, officials)
    for each in caches:
        each.cache_clear()
    yield root
    for each in caches:
        each.cache_clear()
