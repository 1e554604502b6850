"""All sabotages in one table, each with what refuses it; the page of the table is up to date."""

from __future__ import annotations

from collections import Counter

from sut.rules.catalogue import CATALOGUE
from tests.unit.sabotages import PAGE, ROOT, every, page

LEAST = 200
BY_RULE = {"a session"}


def test_the_rows_are_many_and_no_two_are_the_same() -> None:
    rows = every()
    done = Counter((each.part, each.what, each.refused_by) for each in rows)
    assert [key for key, times in done.items() if times > 1] == []
    assert len(rows) >= LEAST
    parts = Counter(each.part for each in rows)
    assert (
        min(parts[part] for part in ("a session", "one node of a coordinated sum", "a tree")) > 40
    )


def test_each_row_has_what_refuses_it_and_a_test_that_is_there() -> None:
    for each in every():
        assert each.refused_by, each
        assert (ROOT / each.test).is_file(), each
        if each.part in BY_RULE:
            assert each.refused_by in CATALOGUE, each


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.unit.sabotages"
