"""A run that was cut off is finished from what it left; its files are those of any run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sut.engines.base import Failed, Finished
from sut.harness.journal import Changes, Journal
from sut.harness.ledger import Ledger
from sut.harness.ledger_table import table_of
from sut.record.answer import AnswerBounds
from sut.record.facts import RunFacts
from sut.record.folder import RunDir, SessionDir
from sut.record.ledger_file import ledger_bytes, read_ledger
from sut.record.unfinished import end_run, finish_runs
from tests.unit.result.sessions import make_session

CAUSE = "the harness was killed"
ANSWER = np.array([5, 6], np.int32).tobytes()
PROMPT_TOKENS = np.array([10, 20, 30], np.int64)
BOUNDS = AnswerBounds(max_tokens=2, min_tokens=1, end_ids=frozenset({2}))


def book() -> Ledger:
    """One answered, one failed, one open."""
    ledger = Ledger(reports_first_token=False, bounds=BOUNDS, replica=0)
    ledger.issue(0, [0, 1, 2], issued_ns=100)
    ledger.apply([Finished(0, ANSWER, "length", 0), Failed(1, "died", 0)], now_ns=200)
    return ledger


@pytest.fixture
def begun(tmp_path: Path) -> tuple[SessionDir, RunDir]:
    """A session whose only run has begun and not ended."""
    session = SessionDir.open(make_session(tmp_path, "offline"))
    folder = session.run_dir("Offline", "performance")
    folder.run_facts.rename(folder.begun)
    folder.ledger.unlink()
    return session, folder


def journal(folder: RunDir) -> None:
    changes = Changes(book())
    Journal(changes.take, changes, PROMPT_TOKENS, folder.journal).write()


def finished(folder: RunDir) -> RunFacts:
    return RunFacts.model_validate(json.loads(folder.run_facts.read_text()))


def test_it_is_finished_from_its_journal(begun: tuple[SessionDir, RunDir]) -> None:
    session, folder = begun
    journal(folder)
    assert finish_runs(session, CAUSE, stopped=False) == [folder]
    facts = finished(folder)
    assert facts.loadgen_exit == f"LoadGen was ended with the harness: {CAUSE}"
    assert not facts.interrupted
    assert (facts.ledger.issued, facts.ledger.succeeded, facts.ledger.failed) == (3, 1, 2)
    rows = read_ledger(folder.ledger).to_pydict()
    assert rows["state"] == ["succeeded", "failed", "failed"]
    assert rows["failure"] == [None, "died", CAUSE]
    assert rows["done_ns"] == [200, 200, None]
    assert "ledger.parquet" in facts.log_sha256
    assert not folder.begun.exists()
    assert not folder.journal.exists()


def test_a_ledger_that_is_whole_counts_before_its_journal(
    begun: tuple[SessionDir, RunDir],
) -> None:
    session, folder = begun
    journal(folder)
    closed = book()
    closed.fail_outstanding("the engine is gone", now_ns=300)
    folder.ledger.write_bytes(ledger_bytes(table_of(closed, PROMPT_TOKENS)))
    finish_runs(session, CAUSE, stopped=True)
    assert read_ledger(folder.ledger)["failure"].to_pylist() == [None, "died", "the engine is gone"]
    assert finished(folder).interrupted


def test_of_a_run_without_a_journal_nothing_is_counted(begun: tuple[SessionDir, RunDir]) -> None:
    session, folder = begun
    before = json.loads(folder.begun.read_text())["ledger"]
    finish_runs(session, CAUSE, stopped=False)
    assert finished(folder).ledger.model_dump() == before
    assert not folder.ledger.exists()


def test_a_run_that_has_ended_is_left_alone(begun: tuple[SessionDir, RunDir]) -> None:
    session, folder = begun
    facts = RunFacts.model_validate(json.loads(folder.begun.read_text()))
    end_run(folder, facts)
    assert not folder.begun.exists()
    content = folder.run_facts.read_bytes()
    assert finish_runs(session, CAUSE, stopped=False) == []
    assert folder.run_facts.read_bytes() == content
