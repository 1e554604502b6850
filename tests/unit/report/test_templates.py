"""Pages that show results have one stylesheet; a rule of their own is none of its."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sut.campaign.report import TEMPLATE as CAMPAIGN
from sut.compare.page import TEMPLATE as COMPARISON
from sut.peak.report import TEMPLATE as PEAK
from sut.report import templates
from sut.report.page.build import TEMPLATE as REPORT
from sut.report.templates import moment, template

STYLE = Path(templates.__file__).parent / "style.css"


@pytest.mark.parametrize(
    "page",
    [REPORT, COMPARISON, CAMPAIGN, PEAK],
    ids=["report", "comparison", "campaign", "peak"],
)
def test_its_style_begins_with_the_one_stylesheet_and_repeats_nothing_of_it(page: Path) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page.read_text(encoding="utf-8"), re.DOTALL)
    include, *own = style.strip().splitlines()
    assert include == "{% include 'style.css' %}"
    assert not set(own) & set(STYLE.read_text(encoding="utf-8").splitlines())


def test_a_page_takes_it_in_whole_as_it_stands(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<style>{% include 'style.css' %}</style>{{ name }}", encoding="utf-8")
    shown = template(page).render(name="<b>")
    assert shown == f"<style>{STYLE.read_text(encoding='utf-8')}</style>&lt;b&gt;"


def test_every_rule_is_whole() -> None:
    """A page's style was once cut in the middle of a rule, and the next one was lost with it."""
    text = re.sub(r"/\*.*?\*/", "", STYLE.read_text(encoding="utf-8"), flags=re.DOTALL)
    depth = 0
    for piece in re.findall(r"[^{}]+|[{}]", text):
        depth += {"{": 1, "}": -1}.get(piece, 0)
        assert depth >= 0
        if depth == 0 and piece != "}":
            assert ";" not in piece
    assert depth == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-11-28T13:31:28.552+00:00", "2026-11-28 13:31:28 UTC"),
        ("2026-11-28T13:31:28Z", "2026-11-28 13:31:28 UTC"),
        ("2026-11-28T13:31:28+02:00", "2026-11-28T13:31:28+02:00"),
        ("<b>", "<b>"),
    ],
)
def test_a_time_is_shown_to_the_second_and_in_utc(text: str, shown: str) -> None:
    assert moment(text) == shown
