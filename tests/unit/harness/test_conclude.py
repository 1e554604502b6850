"""A session's folder that refuses: what can be copied is, and what is in memory is written."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest

from sut.errors import EngineStartError, LogError, RunError
from sut.harness.conclude import conclude, ending_of, moved
from sut.machine.signals import Stopped
from sut.record.folder import SessionDir
from tests.unit.result.sessions import make_session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SessionDir:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return SessionDir.open(make_session(tmp_path / "results", "offline"))


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_evidence_is_copied_and_what_is_made_of_it_is_not(session: SessionDir) -> None:
    (session.root / "result.json").touch()
    found = moved(session, {})
    assert found.root.name == session.root.name
    assert files(found.root) == files(session.root) - {"result.json", "manifest.json"}


def test_what_is_in_memory_stands_in_for_what_is_gone(session: SessionDir) -> None:
    kept = {session.config: session.config.read_bytes()}
    shutil.rmtree(session.root)
    found = moved(session, kept)
    assert files(found.root) == {"config.json"}


def test_a_file_that_cannot_be_copied_is_left_out(
    session: SessionDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = shutil.copyfile

    def refuse(path: Path, target: Path) -> None:
        copied(path, target)
        if path.name == "mlperf_log_trace.json":
            raise OSError("Input/output error")

    monkeypatch.setattr(shutil, "copyfile", refuse)
    assert "Offline/performance/mlperf_log_trace.json" not in files(moved(session, {}).root)
    assert "Offline/performance/mlperf_log_detail.txt" in files(moved(session, {}).root)


def test_a_file_that_is_none_of_ours_is_named_where_it_lies(session: SessionDir) -> None:
    session.session_facts.write_text('{"engine": 1}')
    with pytest.raises(LogError) as raised:
        conclude(session, None, lambda _: None)
    assert raised.value.where == str(session.session_facts)
    assert not list(Path(tempfile.gettempdir()).iterdir())


def test_the_last_lines_of_the_engines_log_go_with_its_error(session: SessionDir) -> None:
    session.engine_log.write_text("".join(f"line {n}\n\n" for n in range(9)))
    ending = ending_of(RunError("the card fell off the bus."), "running Offline", session)
    assert ending.sentence == (
        "the session ended before its time, while running Offline: the card fell off the bus, "
        "and engine.log ends: line 4 / line 5 / line 6 / line 7 / line 8"
    )
    assert (ending.log, ending.stopped_by) == ("engine.log", None)


def test_each_cause_in_words(session: SessionDir) -> None:
    assert ending_of(Stopped(15), "running", session).stopped_by == "SIGTERM"
    assert ending_of(OSError(5, "Input/output error", "/a"), "x", session).cause == (
        "Input/output error: /a"
    )
    assert ending_of(EngineStartError("no"), "x", session).cause == "no"
    assert ending_of(ValueError("no"), "x", session).last_lines == ["ValueError: no"]


def test_an_ending_stands_first_in_the_result(session: SessionDir) -> None:
    session.manifest.unlink()
    ending = ending_of(RunError("the card fell off the bus"), "running Offline", session)
    result, found = conclude(session, ending, lambda _: None)
    assert found == session
    assert result.reasons == [ending.sentence]


def test_a_file_where_a_folder_was_does_not_keep_what_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    session = SessionDir(tmp_path / "n")
    (session.root / "Server").mkdir(parents=True)
    (session.root / "Server" / "performance").write_text("not a folder")
    kept = {session.root / "Server" / "performance" / "run.json": b"{}"}
    found = moved(session, kept)
    assert (found.root / "Server" / "performance" / "run.json").read_bytes() == b"{}"
