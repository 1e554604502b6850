"""`recover` takes a session that was cut off, and no other; its result is never VALID."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sut.commands.recover import main
from sut.errors import HarnessError
from sut.record.folder import SessionDir
from sut.record.mark import NAME, read_mark, set_mark
from tests.unit.result.sessions import make_session


def killed(root: Path, **changes: object) -> Path:
    """Mark it as that of a harness which is gone."""
    session = SessionDir.open(root)
    set_mark(session, "running Offline performance")
    mark = read_mark(session)
    assert mark is not None
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    gone = mark.model_copy(update={"pid": process.pid, **changes})
    (root / NAME).write_text(gone.model_dump_json())
    return root


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    """A session with one whole run, which was never closed."""
    root = make_session(tmp_path, "offline")
    (root / "manifest.json").unlink()
    return killed(root)


def refused(*arguments: str) -> HarnessError:
    with pytest.raises(HarnessError) as error:
        main(arguments)
    return error.value


def test_even_a_whole_run_is_not_valid(cut_off: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(cut_off)]) == 1
    told = capsys.readouterr().out
    assert told.startswith("INVALID")
    assert "the session ended before its time, while running Offline performance" in told
    result = json.loads((cut_off / "result.json").read_text())
    assert len(result["reasons"]) == 1
    assert not (cut_off / NAME).exists()
    assert refused(str(cut_off)).exit_code == 2


def test_json_is_the_result(cut_off: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(cut_off), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["valid"] is False


def test_a_session_that_was_closed_is_shown_by_report(tmp_path: Path) -> None:
    root = killed(make_session(tmp_path, "offline"))
    error = refused(str(root))
    assert (error.exit_code, f"report {root}" in error.render()) == (1, True)
    assert not (root / NAME).exists()


def test_before_the_engine_was_ready_nothing_was_measured(cut_off: Path) -> None:
    (cut_off / "session.json").unlink()
    error = refused(str(cut_off))
    assert error.exit_code == 1
    assert "nothing was measured: the harness was killed while running" in error.message
    assert not (cut_off / NAME).exists()


def test_one_that_runs_is_left_alone(cut_off: Path) -> None:
    set_mark(SessionDir.open(cut_off), "warming up")
    error = refused(str(cut_off))
    assert error.exit_code == 2
    assert f"process {os.getpid()}, warming up" in error.message


def test_one_of_another_machine_needs_a_word(
    cut_off: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed(cut_off, host="elsewhere")
    error = refused(str(cut_off))
    assert (error.exit_code, "--ended" in error.render()) == (2, True)
    assert main([str(cut_off), "--ended"]) == 1
    assert "Left over" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["", "gone"])
def test_a_folder_without_a_session(tmp_path: Path, name: str) -> None:
    error = refused(str(tmp_path / name))
    assert error.exit_code == 2
    assert "no s" in error.message
