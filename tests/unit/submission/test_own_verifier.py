"""A tree's verify.py that somebody changed: whoever runs it goes by what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.submission.check_tree import check_tree
from sut.submission.own_verifier import NOT_OURS
from sut.submission.verifier import NAME


def verifier_of(tree: Path) -> Path:
    (found,) = tree.rglob(NAME)
    return found


def test_the_one_that_submit_wrote_is_no_finding(tree: Path) -> None:
    assert verifier_of(tree).is_file()
    assert check_tree(tree, "v6.1") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 1 if wrong else 0", "return 0"),
        ('"min_duration_ms": 600000', '"min_duration_ms": 60000'),
    ],
)
def test_one_that_was_edited_is_a_warning(tree: Path, old: str, new: str) -> None:
    path = verifier_of(tree)
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    (told,) = check_tree(tree, "v6.1")
    assert (told.severity, told.sentence) == ("warning", NOT_OURS)
    assert told.remedy == "Verify with one of your own: verify --standalone --round v6.1."


def test_another_script_in_its_place_is_told_where_the_source_is_ours(tree: Path) -> None:
    path = verifier_of(tree)
    path.write_text("print('Nothing contradicts')\n", encoding="utf-8")
    assert check_tree(tree, "v6.1") == [], "a harness of others may have a verify.py of its own"
    (path.parent / "sut").mkdir()
    (path.parent / "sut" / "main.py").write_text("x = 1\n", encoding="utf-8")
    assert [each.sentence for each in check_tree(tree, "v6.1")] == [NOT_OURS]
