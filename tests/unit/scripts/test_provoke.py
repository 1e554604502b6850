"""The catalogue of faults, the bounds that each is held to, and the page of them."""

from __future__ import annotations

import re

import pytest

from scripts.provoke.catalogue import every
from scripts.provoke.fault import ENDED, HONEST, INVALID, VALID, Call, Fault, Seen, wrong
from scripts.provoke.page import PAGE, Standing, named, page, standing

LEAST = 120
FAULT = Fault("kind/what", "a <fault>|", lambda _: Call(()), ENDED, (1,), silence_s=30.0)
OTHER = Fault("kind/other", "another", lambda _: Call(()), HONEST, (1,))
SEEN = Seen("kind/what", 2.0, 1, INVALID, "it ended", 0, [])
NONE = Standing()
HERE = Standing(machines=["a machine"], commits=["abc"])


def test_the_faults_are_many() -> None:
    found = every()
    assert len(found) >= LEAST
    assert all(each.how and each.ends and each.kind for each in found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"seconds": 40.0}, []),  # the silence and ten seconds
        ({"seconds": 41.0}, ["41 s, at most 40"]),
        ({"seconds": None}, ["the moment of the fault never came"]),
        ({"code": None}, ["it had to be killed"]),
        ({"code": 0}, ["exit code 0"]),
        ({"kept": VALID}, ["kept: VALID, not INVALID"]),
        ({"tracebacks": 1}, ["a traceback or a bug of ours on the terminal"]),
        ({"last": ""}, ["it said nothing"]),
        ({"orphans": ["process x"]}, ["orphan: process x"]),
    ],
)
def test_each_bound_is_held(changes: dict[str, object], said: list[str]) -> None:
    assert wrong(FAULT, Seen(**{**vars(SEEN), **changes})) == said


def test_what_broke_a_bound_stands_out() -> None:
    text = page([FAULT, OTHER], {"kind/what": SEEN, "kind/other": SEEN}, Standing(), HERE)
    assert "2 faults; 1 broke a bound. a machine; commit abc." in text
    assert "| a &lt;fault>\\| | 2.0 | 1 | INVALID |" in text
    assert "| **another**: kept: INVALID, not VALID | 2.0 | 1 | INVALID |" in text


def test_a_page_of_a_few_keeps_the_rows_of_the_others() -> None:
    before = standing(page([FAULT, OTHER], {each.id: SEEN for each in (FAULT, OTHER)}, NONE, HERE))
    third = Fault("more/third", "a third", lambda _: Call(()), ENDED)
    there = Standing(machines=["another machine"], commits=["abc", "def"])
    text = page([FAULT, OTHER, third], {"more/third": SEEN}, before, there)
    after = standing(text)
    assert before.rows.keys() | {("more", "a third")} == after.rows.keys()
    assert before.rows.items() <= after.rows.items()
    assert "3 faults; 1 broke a bound. a machine and another machine; commit abc, def." in text


def test_a_new_record_takes_the_place_of_a_row() -> None:
    before = standing(page([FAULT, OTHER], {each.id: SEEN for each in (FAULT, OTHER)}, NONE, HERE))
    mended = Seen(**{**vars(SEEN), "kept": VALID})
    text = page([FAULT, OTHER], {"kind/other": mended}, before, HERE)
    assert "2 faults; 0 broke a bound." in text
    assert "| another | 2.0 | 1 | VALID |" in text
    assert "another**" not in text


def test_a_row_of_a_fault_that_is_gone_goes() -> None:
    before = standing(page([FAULT, OTHER], {each.id: SEEN for each in (FAULT, OTHER)}, NONE, HERE))
    assert standing(page([FAULT], {}, before, NONE)).rows.keys() == {named(FAULT)}


def test_each_row_of_the_page_is_of_the_catalogue() -> None:
    assert standing(PAGE.read_text()).rows.keys() <= set(map(named, every()))


def test_the_page_has_enough_of_them_and_each_kept_the_bounds() -> None:
    count, broke = re.findall(r"^(\d+) faults; (\d+) broke", PAGE.read_text(), re.MULTILINE)[0]
    assert int(count) >= LEAST
    assert int(broke) == 0
