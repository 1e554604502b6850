"""Nothing of an earlier run is written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.record.folder import SessionDir


def test_the_folder_of_a_run_is_made_once(tmp_path: Path) -> None:
    session = SessionDir.create(tmp_path, "node")
    run = session.new_run_dir("Server", "performance")
    (run.root / "user.conf").write_text("x", encoding="utf-8")
    with pytest.raises(FileExistsError):
        session.new_run_dir("Server", "performance")
    assert [path.name for path in run.root.iterdir()] == ["user.conf"]
    assert session.new_run_dir("Server", "accuracy").root.is_dir()
