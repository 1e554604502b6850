"""MLCommons' own checker on every tree of the tables: it refuses none that ours takes.

Each row takes seconds, so all of it is slow; it runs where the checkouts are named.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.submission.check_tree import check_tree, passed
from sut.submission.official import findings_of, run_checker
from tests.unit.sabotages import TREE_TABLES
from tests.unit.submission.official_runs import DETAIL
from tests.unit.submission.support import SUBMITTER
from tests.unit.submission.test_sabotages import ALLOWED, HARMLESS, INTERACTIVE

CHECKOUT = os.environ.get("MLCOMMONS_INFERENCE")
CHECKOUT_V5_1 = os.environ.get("MLCOMMONS_INFERENCE_V5_1")
pytestmark = pytest.mark.slow

# Ours says in words that it does not judge it, and sends the reader to MLCommons' checker.
NOT_JUDGED = {
    "a benchmark of another family",
    "a test of another family, whose folders are other ones",
}
OF_OLD_TREES = {"OLD_LAYOUT", "OLD"}
Rows = dict[str, Callable[[Path], Any]]


def rows_of(*, old: bool) -> Rows:
    """By table and name; Interactive's trees are made apart."""
    return {
        f"{table}: {name}": row[0]
        for table, rows in TREE_TABLES.items()
        if table != "INTERACTIVE" and (table in OF_OLD_TREES) == old
        for name, row in rows.items()
    }


ROWS: Rows = {
    **rows_of(old=False),
    **ALLOWED,
    **{name: breaks for name, breaks in HARMLESS.items() if name not in NOT_JUDGED},
}
OLD_ROWS = ROWS | rows_of(old=True)


def test_the_rows_are_those_of_every_table() -> None:
    """Interactive's have a test of their own, for which each tree takes seconds to make."""
    wanted = sum(len(rows) for rows in TREE_TABLES.values()) - len(INTERACTIVE)
    assert len(OLD_ROWS) == wanted + len(ALLOWED) + len(HARMLESS) - len(NOT_JUDGED) >= 240


def beyond_ours(tree: Path, round_: str, checkout: str | None) -> list[str]:
    """What the official checker refuses and we take, and each of its words that we do not know."""
    report = run_checker(tree, round_, Path(str(checkout)))
    complaints = findings_of(report, tree)
    found: list[str] = []
    if passed(check_tree(tree, round_)):
        found += [each.line for each in complaints if each.severity == "error"]
        found += [] if report.passed else ["it did not pass"]
    # The text of an error that LoadGen logged is passed on as it is.
    logged = "".join(path.read_text("utf-8", "replace") for path in tree.rglob(DETAIL))
    unknown = [each for each in complaints if "own words" in each.remedy]
    return found + [each.line for each in unknown if each.sentence not in logged]


@pytest.mark.skipif(CHECKOUT is None, reason="MLCOMMONS_INFERENCE names no mlcommons/inference")
@pytest.mark.parametrize("name", ROWS)
def test_todays_checker_refuses_no_tree_that_ours_takes(tree: Path, name: str) -> None:
    ROWS[name](tree / "closed" / SUBMITTER)
    assert beyond_ours(tree, "v6.1", CHECKOUT) == []


@pytest.mark.skipif(CHECKOUT_V5_1 is None, reason="MLCOMMONS_INFERENCE_V5_1 names no v5.1.1")
@pytest.mark.parametrize("name", OLD_ROWS)
def test_the_old_script_refuses_no_tree_that_ours_takes(tree_v5_1: Path, name: str) -> None:
    try:
        OLD_ROWS[name](tree_v5_1 / "closed" / SUBMITTER)
    except FileNotFoundError:
        pytest.skip("what it breaks lies elsewhere in the layout of v5.1")
    assert beyond_ours(tree_v5_1, "v5.1", CHECKOUT_V5_1) == []
