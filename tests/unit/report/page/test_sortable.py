"""Tables in several orders: each row knows its place in each, and CSS has a rule for each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.record.session import read_session
from sut.report.page import build, place, several
from sut.report.page.build import report_html
from sut.report.page.sortable import MOST, Key, as_given, largest_first, smallest_first, sortable
from sut.result.build import result_of
from tests.unit.result.sessions import make_session

values = st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9)), max_size=20)


@given(values)
def test_places_are_those_of_a_sort_and_what_was_not_measured_is_last(
    rows: list[float | None],
) -> None:
    keys: dict[str, Key] = {"given": as_given, "most": largest_first, "least": smallest_first}
    found = sortable(rows, keys)
    assert [each.row for each in found.rows] == rows
    for order, key in enumerate(keys.values()):
        by_place = sorted(found.rows, key=lambda each: each.places[order])
        assert [each.row for each in by_place] == sorted(rows, key=key)
        assert sorted(each.places[order] for each in found.rows) == list(range(len(rows)))
    known = [each for each in rows if each is not None]
    least = sorted(found.rows, key=lambda each: each.places[2])
    assert [each.row for each in least[: len(known)]] == sorted(known)


@pytest.mark.parametrize(
    "keys", [build.CHECKS, build.REPLICAS, build.SETTINGS, place.ORDERS, several.ORDERS]
)
def test_the_page_has_a_rule_for_each_order(keys: dict) -> None:
    assert len(keys) <= MOST
    style = (Path(build.__file__).parent / "parts.html").read_text()
    assert f"range({MOST})" in style


def test_failed_checks_can_stand_first(tmp_path: Path) -> None:
    record = read_session(make_session(tmp_path, "server"))
    result = result_of(record)
    ((scenario, run),) = result.scenarios.items()
    checks = [*run.checks[:5], run.checks[5].model_copy(update={"passed": False, "name": "LATE"})]
    changed = result.model_copy(
        update={"scenarios": {scenario: run.model_copy(update={"checks": checks})}}
    )
    text = report_html(changed, record)
    row = re.search(r'<tr role="row" style="([^"]*)"><th scope="row">LATE', text)
    assert row is not None
    assert row[1].startswith("--o0:5;--o1:0;")
    assert text.count('type="radio"') == text.count("<label>")
    assert len(re.findall(r'name="settings" checked', text)) == 1
