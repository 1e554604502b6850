"""A system's file that is like another, which may be like a third."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.errors import ConfigError
from tests.unit.config.support import loaded, written


def test_each_file_adds_to_the_one_that_it_is_like(tmp_path: Path) -> None:
    first = written(tmp_path, "like: a10\nengine.vllm.max_num_seqs: 7\n", "first.yaml")
    second = written(tmp_path, f"like: {first}\nengine.vllm.seed: 3\n", "second.yaml")
    found = loaded("--system", second).config
    assert (found.engine.vllm.max_num_seqs, found.engine.vllm.seed) == (7, 3)
    assert found.system.accelerator == "NVIDIA A10"


def test_files_that_are_like_each_other_are_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text(f"like: {second}\n")
    second.write_text(f"like: {first}\n")
    with pytest.raises(ConfigError, match=r"first.yaml is like itself, by way of") as refused:
        loaded("--system", str(first))
    assert str(second) in str(refused.value.where)
