"""A results directory whose file system fills up."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from sut.harness import loadgen_run
from sut.main import main


def test_the_cause_and_the_folder_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        # As pyarrow raises it: without a file's name.
        raise OSError(errno.ENOSPC, "Error writing bytes to file")

    monkeypatch.setattr(loadgen_run, "write_table", full)
    flags = ["--scenario", "Offline", "--engine", "null", "--results-dir", str(tmp_path)]
    small = ["offline.min_duration_s=0", "offline.min_query_count=5", "warmup.queries=0"]
    with pytest.raises(SystemExit) as ended:
        main([*flags, *(part for key in small for part in ("--set", key))])
    assert ended.value.code == 1
    (folder,) = tmp_path.iterdir()
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"sut: {folder}: there is no space left on this file system.")
