"""A results directory that takes nothing more while a run is under way: the result goes elsewhere.

An error that nobody foresaw goes the same way. The null engine and a real LoadGen.
"""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sut.harness import conclude, loadgen_run, session
from sut.main import main
from sut.record import folder, unfinished

SMALL = ["offline.min_duration_s=0", "offline.min_query_count=5", "warmup.queries=0"]
BEFORE = ("config.json", "session.json", "user.conf", ".begun.json")
SAMPLES = 64  # whole multiples of the data set


@dataclass(frozen=True)
class Ended:
    code: int
    said: str
    result: dict[str, Any]
    folder: Path
    """Where the result is."""


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[], Ended]:
    results, rescued = tmp_path / "results", tmp_path / "temporary"
    rescued.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(rescued))

    def run() -> Ended:
        flags = ["--scenario", "Offline", "--engine", "null", "--results-dir", str(results)]
        with pytest.raises(SystemExit) as ended:
            main([*flags, *(part for key in SMALL for part in ("--set", key))])
        said = capsys.readouterr()
        found = [*tmp_path.rglob("mlperf_datacenter_*.json")]
        result = json.loads(found[0].read_text()) if found else {}
        folder = found[0].parent if found else tmp_path
        assert isinstance(ended.value.code, int)
        return Ended(ended.value.code, said.out + said.err, result, folder)

    return run


def refused(*_: Any, **__: Any) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_at_the_end_of_a_run(
    run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    opened = folder.write_atomic
    monkeypatch.setattr(
        loadgen_run,
        "write_atomic",
        lambda path, text: refused() if path.name == "ledger.parquet" else opened(path, text),
    )
    found = run()
    assert found.code == 1
    reason = found.result["reasons"][0]
    assert reason == (
        "the session ended before its time, while running Offline performance: "
        "No space left on device"
    )
    assert found.result["scenarios"]["Offline"]["queries"]["succeeded"] == SAMPLES
    # The folder itself still took the rest.
    assert found.folder == tmp_path / "results"


def test_a_folder_that_was_removed(
    run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = loadgen_run._counters

    def remove_first(*arguments: Any) -> Any:
        shutil.rmtree(tmp_path / "results")
        return made(*arguments)

    monkeypatch.setattr(loadgen_run, "_counters", remove_first)
    found = run()
    assert found.code == 1
    assert found.folder == tmp_path / "results"
    assert found.result["scenarios"]["Offline"]["queries"]["succeeded"] == SAMPLES
    assert "No such file or directory" in found.result["reasons"][0]


def test_a_file_system_that_became_read_only(
    run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    written = folder.write_atomic

    def read_only(path: Path, content: str | bytes) -> None:
        if path.is_relative_to(tmp_path / "results") and path.name not in BEFORE:
            raise OSError(errno.EROFS, "Read-only file system", str(path))
        written(path, content)

    for module in (loadgen_run, conclude, unfinished):
        monkeypatch.setattr(module, "write_atomic", read_only)
    found = run()
    assert found.code == 1
    assert " takes nothing more: Read-only file system: " in found.said
    assert found.folder.is_relative_to(tmp_path / "temporary")
    assert f"Result:  {found.folder}" in found.said
    assert found.result["scenarios"]["Offline"]["queries"]["succeeded"] == SAMPLES
    assert "Read-only file system" in found.result["reasons"][0]


def test_a_name_that_is_taken_costs_the_published_copy_alone(
    run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    published = folder.SessionDir.publish

    def taken(session: folder.SessionDir) -> None:
        session.published_summary.write_text("somebody else's")
        published(session)

    monkeypatch.setattr(folder.SessionDir, "publish", taken)
    found = run()
    assert (found.code, found.result["valid"]) == (0, True)
    (summary,) = (tmp_path / "results").glob("*/summary.txt")
    assert f"Summary: {summary}" in found.said
    assert ".txt was not written: " in found.said


def test_an_error_that_nobody_foresaw_ends_in_a_result_too(
    run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(*_: Any) -> None:
        raise ValueError("the sum of the parts")

    monkeypatch.setattr(loadgen_run, "_last_look", wrong)
    found = run()
    assert found.code == 1
    assert (
        "while running Offline performance: this is a bug of ours: ValueError: the sum"
        in (found.result["reasons"][0])
    )
    assert "Traceback" not in found.said
    (file,) = found.folder.glob("*/traceback.txt")
    assert "in wrong" in file.read_text()
    # The journal had what was answered.
    assert found.result["scenarios"]["Offline"]["queries"]["issued"] == SAMPLES


def test_before_anything_was_measured_it_is_one_sentence(
    run: Callable[[], Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(session, "write_config", refused)
    found = run()
    (made,) = (tmp_path / "results").iterdir()
    assert found.code == 1
    last = found.said.strip().splitlines()[-1]
    assert last.startswith(f"sut: {made}: there is no space left on this file system.")
    assert [*made.iterdir()] == []
