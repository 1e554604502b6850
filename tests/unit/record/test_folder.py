"""Nothing of an earlier run is written over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from sut.errors import ConfigError, RunError
from sut.record.folder import SessionDir, next_number, try_results_dir, write_again


def test_the_folder_of_a_run_is_made_once(tmp_path: Path) -> None:
    session = SessionDir.create(tmp_path, "node")
    run = session.new_run_dir("Server", "performance")
    (run.root / "user.conf").write_text("x", encoding="utf-8")
    with pytest.raises(FileExistsError):
        session.new_run_dir("Server", "performance")
    assert [path.name for path in run.root.iterdir()] == ["user.conf"]
    assert session.new_run_dir("Server", "accuracy").root.is_dir()


def test_a_folder_is_named_after_node_and_time_in_utc(tmp_path: Path) -> None:
    now = datetime(2025, 7, 18, 2, 12, 34, tzinfo=timezone(timedelta(hours=2)))
    session = SessionDir.create(tmp_path, "node_a", now)
    assert session.name == "node_a_20250718_001234"
    assert session.stamp == "20250718_001234"
    assert session.published_result.name == "mlperf_datacenter_node_a_20250718_001234.json"
    assert session.published_summary.name == "summary_node_a_20250718_001234.txt"


def test_a_second_call_in_one_second_is_named_after_the_next(tmp_path: Path) -> None:
    now = datetime(2025, 7, 18, 23, 59, 59, tzinfo=UTC)
    names = [SessionDir.create(tmp_path, "n", now).name for _ in range(2)]
    assert names == ["n_20250718_235959", "n_20250719_000000"]


def test_a_folder_that_is_named_otherwise_has_no_time(tmp_path: Path) -> None:
    assert SessionDir.open(tmp_path / "node_20261124T000000Z").stamp is None
    assert SessionDir.open(tmp_path / "run-7").stamp is None


@pytest.mark.parametrize(("named", "flag"), [("results_dir", "--results-dir"), ("--out", "--out")])
def test_a_folder_that_takes_nothing_is_told_by_the_flag_that_named_it(
    tmp_path: Path, named: str, flag: str
) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as refused:
        try_results_dir(tmp_path / "file" / "x", named)
    assert refused.value.message.startswith(f"{named} is {tmp_path / 'file' / 'x'}, where nothing")
    assert f"Give {flag} a folder" in refused.value.render()


def test_the_next_number_is_above_the_highest_whatever_else_lies_there(tmp_path: Path) -> None:
    assert next_number(tmp_path, "engine-") == 1
    for name in ("engine-7", "engine-x", "engine-9.old", ".DS_Store", "012"):
        (tmp_path / name).mkdir()
    assert next_number(tmp_path, "engine-") == 8
    assert next_number(tmp_path) == 13


def test_a_file_that_is_made_again_and_cannot_be_is_told_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "peak.json"
    write_again(path, "a\udcff")
    assert path.read_bytes() == b"a\\udcff"
    path.unlink()
    path.mkdir()
    with pytest.raises(RunError, match=r"peak.json: it cannot be written: Is a directory"):
        write_again(path, "a")
    assert [each.name for each in tmp_path.iterdir()] == ["peak.json"]
