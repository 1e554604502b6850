"""What the tests share: recorded logs, and a copy of user_confs that they may write into."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qsl import prompts
from sut.accuracy.evaluate import read_facts
from sut.config import shipped
from sut.config.official import officials
from sut.config.round_files import round_leaves
from sut.config.rounds import load_round
from sut.record.facts import AccuracyFacts, VerificationFacts
from sut.record.session import RunRecord, as_model, read_document
from sut.result import evaluated
from tests.unit.result.sessions import RECORDED
from tests.unit.rules.changes import BY_LOG


@pytest.fixture
def recorded() -> Path:
    """The folder of our recorded LoadGen logs."""
    return RECORDED


def stated_evaluation(run: RunRecord, *_: object) -> AccuracyFacts:
    """What accuracy.json says, or what a test says that the log does."""
    by_log = run.folder.root / BY_LOG
    if by_log.is_file():
        return as_model(AccuracyFacts, read_document(by_log), by_log)
    return read_facts(run.folder.root)


def stated_verification(folder: Path, *_: object, **__: object) -> VerificationFacts:
    """What verification.json says."""
    path = folder / "verification.json"
    return as_model(VerificationFacts, read_document(path), path)


@pytest.fixture(autouse=True)
def _logs_say_what_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded answers are no summaries: their evaluation is what a test writes of it."""
    monkeypatch.setattr(evaluated, "evaluate", stated_evaluation)
    monkeypatch.setattr(evaluated, "verify_folder", stated_verification)


@pytest.fixture
def conf_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of user_confs in which rounds, models and prompt forms can be written."""
    root = tmp_path / "user_confs"
    shutil.copytree(shipped.CONF_ROOT, root)
    monkeypatch.setattr(shipped, "CONF_ROOT", root)
    monkeypatch.setattr(prompts, "PROMPTS", root / "prompts")
    caches = (load_round, round_leaves, officials, prompts.find_format)
    for each in caches:
        each.cache_clear()
    yield root
    for each in caches:
        each.cache_clear()
