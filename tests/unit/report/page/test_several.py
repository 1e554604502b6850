"""Several sessions on one page: each with its verdict and figures, their distributions together."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sut.commands import report as report_verb
from sut.errors import ConfigError
from sut.record.session import SessionRecord, read_session
from sut.report.page import plots
from sut.report.page.several import _letter, several_html
from sut.result.build import result_of
from sut.result.schema import Result
from tests.unit.result.sessions import edit, make_session


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    names = (("server", "offline"), ("server",))
    return [make_session(tmp_path / str(n), *each) for n, each in enumerate(names)]


def judged(root: Path) -> tuple[Result, SessionRecord]:
    record = read_session(root)
    return result_of(record), record


def test_each_session_has_a_row_in_each_scenario_that_it_ran(roots: list[Path]) -> None:
    text = several_html([judged(each) for each in roots], roots[0].parent / "page.html")
    server, offline = (text.index(f"<h2>{each}</h2>") for each in ("Server", "Offline"))
    assert text[server:].count('<th scope="row">A</th>') == 1
    assert text[offline:server].count('<th scope="row">A</th>') == 1
    assert text[offline:server].count('<th scope="row">B</th>') == 0
    drawn = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawn) == 1 + 3
    letters = [re.findall(r'class="letter".*?>(\w)<', each) for each in drawn]
    assert letters == [["A"], ["A", "B"], ["A", "B"], ["A", "B"]]
    assert "<script" not in text


def test_it_links_to_each_sessions_own_page_where_there_is_one(roots: list[Path]) -> None:
    (roots[1] / "report.html").touch()
    text = several_html([judged(each) for each in roots], roots[0] / "page.html")
    assert re.findall('href="(.*?)"', text) == [f"../../1/{roots[1].name}/report.html"]


def test_the_verb_writes_it_and_says_whether_all_are_valid(
    roots: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(each) for each in roots]
    assert report_verb.main([*words, words[0], "--html", str(tmp_path / "a.html")]) == 0
    assert capsys.readouterr().out == f"2 sessions. Written to {tmp_path / 'a.html'}.\n"
    edit(roots[1] / "Server" / "performance" / "run.json", incidents=["<b>lost</b>"])
    assert report_verb.main([*words, "--html", str(tmp_path / "b.html")]) == 1
    text = (tmp_path / "b.html").read_text()
    assert "B is not VALID" in text
    assert "&lt;b&gt;lost" in text


@pytest.mark.parametrize("more", [[], ["--json"], ["--compliance", "--html", "page.html"]])
def test_what_only_one_session_has_is_refused(roots: list[Path], more: list[str]) -> None:
    with pytest.raises(ConfigError, match="2 sessions"):
        report_verb.main([*map(str, roots), *more])


def test_letters_go_on_after_z() -> None:
    assert [_letter(each) for each in (0, 25, 26, 53)] == ["A", "Z", "A2", "B3"]


def test_lines_of_one_plot_differ_in_dash() -> None:
    points = [{"ms": 1.0, "share": 0.0}, {"ms": 2.0, "share": 0.5}, {"ms": 3.0, "share": 1.0}]
    svg = plots.cdfs(dict.fromkeys("ABCD", points), "ms <&>")
    ElementTree.fromstring(svg)
    assert len(set(re.findall('stroke-dasharray:(.*?)"', svg))) == 4
