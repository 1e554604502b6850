"""Trees made once, and copied for each test that breaks one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import sut.result.evaluated
import sut.submission.make_tree
from audit.verify import verify_folder
from sut.submission.make_tree import make_tree
from tests.unit.submission import support
from tests.unit.submission.official_runs import make_official


def tiny_source(target: Path) -> None:
    """In place of the whole harness: one file."""
    target.mkdir(parents=True)
    (target / "main.py").write_text("print('source')\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def _recordings_are_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sut.submission.make_tree, "load_round", support.small_round)
    monkeypatch.setattr(sut.submission.make_tree, "copy_source", tiny_source)
    # The recorded answers are no summaries: their log says what a test writes (support.SCORED).
    monkeypatch.setattr(sut.result.evaluated, "evaluate", support.scored)
    monkeypatch.setattr(sut.result.evaluated, "verify_folder", verify_folder)


@pytest.fixture(scope="session")
def made_trees(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    """A tree of a round and a division, made on first use; not to be changed."""
    made: dict[tuple[str, str], Path] = {}

    def get(round_: str, division: str) -> Path:
        if (round_, division) not in made:
            folder = tmp_path_factory.mktemp("made")
            session = support.closed_session(folder / "sessions", round_)
            plan = support.plan(folder / "tree", session, round=round_, division=division)
            made[round_, division] = make_official(make_tree(plan))
        return made[round_, division]

    return get


@pytest.fixture
def tree(made_trees: Callable[[str, str], Path], tmp_path: Path) -> Path:
    """A closed tree of v6.1 to break."""
    copy = tmp_path / "tree"
    shutil.copytree(made_trees("v6.1", "closed"), copy)
    return copy


@pytest.fixture
def tree_v5_1(made_trees: Callable[[str, str], Path], tmp_path: Path) -> Path:
    """A closed tree of v5.1 to break."""
    copy = tmp_path / "tree-v5.1"
    shutil.copytree(made_trees("v5.1", "closed"), copy)
    return copy
