"""What Triton compiles with."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from sut.machine import toolchain


def test_a_box_with_nothing_lacks_both_and_says_what_brings_them(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(toolchain.CHOSEN, raising=False)
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    found = toolchain.lacks()
    assert [each.name for each in found] == ["C compiler", "Python's headers"]
    assert all("apt install" in each.remedy for each in found)


@pytest.mark.parametrize("name", ["gcc", "clang", "my-cc"])
def test_any_compiler_will_do_and_cc_names_one(monkeypatch, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("#!/bin/sh\n")
    (tmp_path / name).chmod(0o755)
    (tmp_path / "Python.h").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(toolchain.CHOSEN, "my-cc -O2")
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    assert toolchain.compiler() == name
    assert toolchain.lacks() == []
