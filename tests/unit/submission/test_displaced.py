"""A folder by another name, copied, too deep or too high is one finding: what is to be done."""

from __future__ import annotations

import pytest

from sut.submission.check_tree import check_tree, passed
from tests.unit.submission.displaced_folders import COPIED, MOVED, OLD, RENAMED
from tests.unit.submission.support import SUBMITTER

ROWS = {
    f"{kind}: {name}": row
    for kind, table in {"renamed": RENAMED, "copied": COPIED, "moved": MOVED}.items()
    for name, row in table.items()
}


@pytest.mark.parametrize("name", ROWS)
def test_a_displaced_folder_is_one_finding(tree, name):
    breaks, meets = ROWS[name]
    breaks(tree / "closed" / SUBMITTER)
    found = check_tree(tree, "v6.1")
    assert not passed(found)
    assert [each.sentence.startswith(meets) for each in found] == [True], [
        each.line for each in found
    ]


@pytest.mark.parametrize("name", OLD)
def test_so_it_is_in_the_layout_of_four_folders(tree_v5_1, name):
    breaks, meets = OLD[name]
    breaks(tree_v5_1 / "closed" / SUBMITTER)
    found = check_tree(tree_v5_1, "v5.1")
    assert not passed(found)
    assert [each.sentence.startswith(meets) for each in found] == [True], [
        each.line for each in found
    ]
