"""The mark of a session that is under way: there from its first file to its last, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sut.harness.phases import Phases
from sut.harness.under_way import marked
from sut.record.folder import SessionDir
from sut.record.mark import cut_off, read_mark


@pytest.fixture
def phases() -> Iterator[Phases]:
    with Phases(lambda words: pytest.fail(words)) as made:
        yield made


def test_the_mark_names_the_phase(tmp_path: Path, phases: Phases) -> None:
    session = SessionDir.create(tmp_path, "node")
    told: list[str] = []
    with marked(session, phases, told.append):
        phases.begin("running")
        mark = read_mark(session)
    assert mark is not None
    assert mark.phase == "running"
    assert told == ["running"]
    assert read_mark(session) is None


@pytest.mark.parametrize("broken", [False, True])
def test_a_session_that_has_ended_is_not_marked_by_what_its_engine_does_next(
    tmp_path: Path, phases: Phases, broken: bool
) -> None:
    """A search makes many sessions on one engine, and stops it after the last."""
    session = SessionDir.create(tmp_path, "node")
    try:
        with marked(session, phases):
            phases.begin("running")
            if broken:
                raise ValueError("it broke before a run began")
    except ValueError:
        assert broken
    phases.begin("stopping the engine")
    assert read_mark(session) is None
    assert cut_off(tmp_path) == []


def test_a_run_that_could_not_be_finished_leaves_its_mark(tmp_path: Path, phases: Phases) -> None:
    session = SessionDir.create(tmp_path, "node")
    begun = session.root / "Server" / "performance" / ".begun.json"
    begun.parent.mkdir(parents=True)
    begun.touch()

    def write() -> None:
        with marked(session, phases):
            phases.begin("writing the result")
            raise ValueError("no room")

    with pytest.raises(ValueError, match="no room"):
        write()
    phases.begin("stopping the engine")
    mark = read_mark(session)
    assert mark is not None
    assert mark.phase == "writing the result"
