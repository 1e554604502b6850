"""Every page in a real browser: whole, quiet, legible, narrow, dark, printed and by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urldefrag

import pytest

from tests.integration.browser import (
    CHECKS,
    FOCUSABLE,
    FOCUSED,
    PAPER_PX,
    TEXTS,
    TOO_WIDE,
    Reader,
    browsing,
    contrast,
    missing,
    sheets,
    sheets_of_figures,
)
from tests.integration.pages import EVIL, write_pages

pytestmark = pytest.mark.slow  # half a minute, and what it needs is seldom there

PAGES = (
    *("report", "accuracy", "failed", "interrupted", "hostile"),
    *("report compliance", "failed compliance", "hostile compliance"),
    *("comparison", "several", "campaign", "peak"),
)
DRAWN = ("report", "interrupted", "hostile", "several", "peak")
WIDTHS = (360, 800, 1400)
ENOUGH = 4.5  # WCAG 2.2, 1.4.3, level AA


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_pages(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    if (what := missing()) is not None:
        pytest.skip(what)
    pytest.importorskip("selenium", reason="no Selenium here: pip install -e '.[browser]'")
    with browsing(tmp_path_factory.mktemp("profile")) as reader:
        yield reader


@pytest.fixture(params=PAGES)
def opened(request: pytest.FixtureRequest, browser: Reader, pages: dict[str, Path]) -> Path:
    page = pages[request.param]
    browser.open(page)
    return page


def test_nothing_is_asked_for_but_the_file_and_the_console_is_quiet(
    browser: Reader, opened: Path
) -> None:
    assert browser.requests() == {opened.as_uri()}
    assert browser.errors() == []


@pytest.mark.parametrize("name", PAGES)
def test_each_plot_is_drawn(browser: Reader, pages: dict[str, Path], name: str) -> None:
    browser.open(pages[name])
    boxes = browser.ask(
        "return [...document.querySelectorAll('svg')].map(each => {"
        " const box = each.getBoundingClientRect(), marks = each.getBBox();"
        " return [box.width, box.height, marks.width, marks.height]; });"
    )
    assert all(min(box) > 0 for box in boxes)
    assert bool(boxes) == (name in DRAWN)


def test_no_page_scrolls_sideways(browser: Reader, opened: Path) -> None:
    browser.ask("document.querySelectorAll('details').forEach(each => each.open = true);")
    for width in WIDTHS:
        browser.screen(width)
        assert browser.width() <= width, browser.ask(TOO_WIDE, width)


@pytest.mark.parametrize("dark", [False, True], ids=["bright", "dark"])
def test_all_text_stands_out_from_what_is_behind_it(
    browser: Reader, opened: Path, dark: bool
) -> None:
    browser.media(dark=dark)
    browser.ask("document.querySelectorAll('details').forEach(each => each.open = true);")
    texts = browser.ask(TEXTS)
    assert len(texts) > 10
    faint = [each for each in texts if contrast(*each[1:]) < ENOUGH]
    assert faint == []
    grounds = {ground for _, _, ground in texts}
    assert ("rgb(255, 255, 255)" in grounds) is not dark


def test_what_is_printed_is_whole(browser: Reader, opened: Path) -> None:
    pdf = browser.printed()
    figures = sheets_of_figures(pdf)
    assert len(figures) == browser.ask("return document.querySelectorAll('figure').length;")
    assert all(len(each) == 1 for each in figures), "a figure is cut"
    browser.screen(*PAPER_PX)
    browser.media(dark=False, printed=True)
    assert browser.ask(TOO_WIDE, PAPER_PX[0]) == []
    hidden = "return [...document.querySelectorAll('details')].map(each => each.lastElementChild)"
    heights = browser.ask(f"{hidden}.map(each => each.getBoundingClientRect().height);")
    assert all(height > 0 for height in heights), "paper has nothing to click on"


def test_a_report_has_more_than_a_page_of_paper(browser: Reader, pages: dict[str, Path]) -> None:
    browser.open(pages["report"])
    assert sheets(browser.printed()) > 1


def test_the_keyboard_reaches_all_and_is_seen(browser: Reader, opened: Path) -> None:
    browser.screen(1400)
    there = browser.ask(FOCUSABLE)
    seen, outlines = 0, set()
    for _ in range(there + 5):
        browser.tab()
        seen, outline, closed = browser.ask(FOCUSED)
        outlines.add(outline)
        if closed:
            browser.enter()
        if seen == there:
            break
    assert seen == there
    assert "none" not in outlines


def test_a_table_is_sorted_by_its_buttons_alone(browser: Reader, pages: dict[str, Path]) -> None:
    browser.open(pages["report"])
    given = browser.ask(CHECKS)
    browser.ask("document.querySelector('[name=Server-checks]').focus();")
    for _ in ("failures", "name"):
        browser.right()
    names = browser.ask(CHECKS)
    assert names != given
    assert names == sorted(given, key=str.casefold)


def test_links_lead_to_what_is_there(browser: Reader, opened: Path) -> None:
    links = browser.ask("return [...document.querySelectorAll('a')].map(each => each.href);")
    ids = browser.ask("return [...document.querySelectorAll('[id]')].map(each => each.id);")
    for link in links:
        address, anchor = urldefrag(link)
        assert address.startswith("file:")
        if address == opened.as_uri():
            assert anchor in ids
        else:
            assert Path(address.removeprefix("file://")).is_file(), link


def test_names_of_others_are_text(browser: Reader, pages: dict[str, Path]) -> None:
    for name in ("hostile", "hostile compliance", "failed", "several", "campaign"):
        browser.open(pages[name])
        assert "owned" not in browser.ask("return document.title;").partition("<")[0]
        assert browser.ask("return document.querySelectorAll('script, img').length;") == 0
        assert EVIL in browser.ask("return document.body.textContent;")
