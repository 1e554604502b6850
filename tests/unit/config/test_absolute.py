from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.absolute import with_absolute_paths
from tests.unit.config.support import loaded


def test_what_was_typed_in_one_folder_is_found_from_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "config.json").write_text("{}")
    settings = ("model.path=weights", "compliance.audit_config=a/audit.config")
    flags = ("--dataset", "cnn_eval.json", *(w for each in settings for w in ("--set", each)))
    config = with_absolute_paths(loaded(*flags).config)
    assert config.dataset.path == tmp_path / "cnn_eval.json"
    assert config.model.path == str(tmp_path / "weights")
    assert config.compliance.audit_config == tmp_path / "a" / "audit.config"


def test_a_hub_id_is_no_path() -> None:
    config = loaded("--set", "model.path=meta-llama/Llama-3.1-8B-Instruct").config
    assert with_absolute_paths(config).model.path == "meta-llama/Llama-3.1-8B-Instruct"
