"""A session that is under way is marked; by the mark it is known when its harness is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sut.errors import LogError
from sut.record.folder import SessionDir
from sut.record.mark import (
    NAME,
    VARIABLE,
    Mark,
    cut_off,
    drop_mark,
    named_in_the_environment,
    read_mark,
    set_mark,
)


@pytest.fixture
def session(tmp_path: Path) -> SessionDir:
    root = tmp_path / "node_20261127T000000Z"
    root.mkdir()
    return SessionDir.open(root)


def changed(session: SessionDir, **changes: object) -> Mark:
    """The mark, which then says this too."""
    set_mark(session, "warming up")
    found = read_mark(session)
    assert found is not None
    found = found.model_copy(update=changes)
    (session.root / NAME).write_text(found.model_dump_json())
    return found


def test_it_says_whose_the_session_is_and_how_far_it_came(session: SessionDir) -> None:
    set_mark(session, "starting the engine")
    set_mark(session, "warming up")
    found = read_mark(session)
    assert found is not None
    assert (found.pid, found.phase, found.here, found.alive) == (
        os.getpid(),
        "warming up",
        True,
        True,
    )
    assert [path.name for path in session.root.iterdir()] == [NAME]
    assert cut_off(session.root.parent) == []


def test_without_one_the_session_has_ended(session: SessionDir) -> None:
    assert read_mark(session) is None
    set_mark(session, "warming up")
    drop_mark(session)
    assert read_mark(session) is None
    drop_mark(session)
    assert cut_off(session.root.parent) == []


@pytest.mark.parametrize("changes", [{"started_ticks": 1}, {"boot_id": "another"}])
def test_a_process_of_the_same_number_is_not_its_harness(
    session: SessionDir, changes: dict[str, object]
) -> None:
    assert not changed(session, **changes).alive
    assert cut_off(session.root.parent) == [session.root]


def test_a_harness_that_has_ended_is_gone(session: SessionDir) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert not changed(session, pid=process.pid).alive


def test_of_another_machine_nobody_can_say(session: SessionDir) -> None:
    found = changed(session, host="elsewhere", started_ticks=1)
    assert (found.here, found.alive) == (False, False)
    assert cut_off(session.root.parent) == []


def test_a_mark_that_cannot_be_read_is_told_where_it_is_asked_for(session: SessionDir) -> None:
    (session.root / NAME).write_text("{")
    assert cut_off(session.root.parent) == []
    with pytest.raises(LogError, match=r"\.running\.json"):
        read_mark(session)


def test_a_disk_that_refuses_costs_the_mark_alone(session: SessionDir) -> None:
    session.root.rmdir()
    set_mark(session, "warming up")
    assert read_mark(session) is None


@pytest.mark.parametrize("before", [None, "/earlier"])
def test_processes_can_be_told_by_their_session(
    session: SessionDir, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    if before is not None:
        monkeypatch.setenv(VARIABLE, before)
    with named_in_the_environment(session):
        assert os.environ[VARIABLE] == str(session.root.resolve())
    assert os.environ.get(VARIABLE) == before
