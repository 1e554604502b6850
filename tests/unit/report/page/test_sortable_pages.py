"""Every page of tables has the report's own orders, of the one place that makes them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sut.campaign.report import EFFECTS, STAGES, campaign_html
from sut.compare import page as comparison
from sut.compare.comparison import compared
from sut.compare.page import comparison_html
from sut.peak import report as peak
from sut.peak.report import peak_html
from sut.record.session import read_session
from sut.report.compliance import build as compliance
from sut.report.compliance.build import compliance_html, report_of
from sut.report.compliance.evidence import view_of
from sut.report.page import sortable as source
from sut.report.page.sortable import MOST
from sut.result.build import result_of
from tests.integration.pages import CAMPAIGN, EVIL, searched
from tests.unit.result.sessions import make_session


def compared_page(folder: Path) -> str:
    roots = [make_session(folder / name, "server") for name in ("a", "b")]
    return comparison_html(compared([str(each) for each in roots]))


def compliance_page(folder: Path) -> str:
    record = read_session(make_session(folder, "server"))
    return compliance_html(report_of(view_of(record, result_of(record))))


PAGES: dict[str, Callable[[Path], str]] = {
    "comparison": compared_page,
    "compliance": compliance_page,
    "peak": lambda folder: peak_html(searched()),
    "campaign": lambda folder: campaign_html(CAMPAIGN),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_tables_in_several_orders(tmp_path: Path, name: str) -> None:
    text = PAGES[name](tmp_path)
    groups = re.findall(r'<input type="radio" name="([^"]*)" checked>', text)
    assert groups
    assert len(groups) == len(set(groups)) == text.count('<div class="sortable">')
    assert "<script" not in text
    for table in re.findall(r'<table role="table".*?</table>', text, re.DOTALL):
        head, body = table.split("<tbody", 1)
        columns = int(re.search(r"--columns:(\d+)", head)[1])  # type: ignore[index]
        assert head.count("<th ") == columns
        rows = re.findall(r'<tr[^>]* style="([^"]*)">(.*?)</tr>', body, re.DOTALL)
        assert rows
        for order in range(rows[0][0].count("--o")):
            places = [re.search(rf"--o{order}:(\d+);", style) for style, _ in rows]
            assert sorted(int(each[1]) for each in places if each) == list(range(len(rows)))
        assert {len(re.findall(r"<t[hd][ >]", cells)) for _, cells in rows} == {columns}


def test_only_one_file_says_how_a_table_is_sorted() -> None:
    root = Path(source.__file__).parents[2]
    saying = [each for each in root.rglob("*.html") if "subgrid" in each.read_text("utf-8")]
    assert [each.relative_to(root).as_posix() for each in saying] == ["report/page/parts.html"]


@pytest.mark.parametrize(
    "keys",
    [
        STAGES, EFFECTS, compliance.RULES, compliance.WANTING, comparison.DIFFERENCES,
        comparison.orders_of([chr(ord("A") + n) for n in range(26)]),
        peak.CHANCES, peak.orders_of([f"limit {n}" for n in range(20)]),
    ],
)  # fmt: skip
def test_the_page_has_a_rule_for_each_order(keys: dict) -> None:
    assert 2 <= len(keys) <= MOST


def test_stages_that_failed_can_stand_first_and_names_of_others_stay_text() -> None:
    text = campaign_html(CAMPAIGN)
    rows = re.findall(r'<tr role="row" style="([^"]*)"><th scope="row">([^<]*)', text)
    (evil,) = (style for style, name in rows if name.startswith("&lt;script"))
    assert evil == "--o0:1;--o1:0;--o2:0;--o3:1;", "INVALID comes before found and VALID"
    assert EVIL not in text
    assert "<img" not in text


def test_what_a_run_of_a_search_came_to_is_escaped_and_sorts() -> None:
    document = searched()
    document["runs"][0]["given_up"] = EVIL
    text = peak_html(document)
    assert EVIL not in text
    assert "&lt;script&gt;" in text
    rates = re.findall(r'--o1:(\d);[^"]*"><td>(\d+)</td><td>(?:trial|confirmation)', text)
    assert rates == [("0", "10"), ("1", "20"), ("2", "30")]


def test_a_figure_that_changed_most_can_stand_first(tmp_path: Path) -> None:
    roots = [
        make_session(tmp_path / name, kind) for name, kind in (("a", "server"), ("b", "server"))
    ]
    found = compared([str(each) for each in roots])
    orders = comparison.orders_of(["A", "B"])
    assert list(orders) == ["figures", "name", "worse first", "change of B"]
    assert all(orders["change of B"](row) == (False, 0.0) for row in found.rows
               if row.cells[1].ratio == 1.0)  # fmt: skip
