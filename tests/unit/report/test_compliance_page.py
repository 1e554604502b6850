"""compliance.html: one file, whole, escaped, and readable without colour or script."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sut.report.compliance.build import compliance_html, compliance_report
from sut.report.compliance.rows import ComplianceReport, Verdict
from tests.unit.report.compliant import RUNS, compliant_session, set_fact, small_round

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Page(HTMLParser):
    """Tags, attributes and text; an unbalanced tag is an error."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def broken(tmp_path: Path) -> ComplianceReport:
    """A session with a rule not met, one not measured, and text that is not to be trusted."""
    root = compliant_session(tmp_path, "server")
    set_fact(root / "session.json", "dataset", "name", value="<script>alert('x')</script> & co")
    set_fact(root / "session.json", "dataset", "source", value="sample")
    set_fact(root / "session.json", "engine", "details", value={})
    set_fact(root / RUNS["Server performance"] / "run.json", "engine_failure", value="<b>died</b>")
    return compliance_report(root, small_round())


def test_page_is_well_formed_and_everything_is_escaped(broken: ComplianceReport) -> None:
    text = compliance_html(broken)
    page = Page(text)
    assert "<script" not in text
    assert "<b>" not in text
    assert "<script>alert('x')</script> & co; the benchmark's is" in " ".join(page.words)


def test_page_fetches_nothing_and_runs_nothing(broken: ComplianceReport) -> None:
    text = compliance_html(broken)
    page = Page(text)
    assert not re.search(r"https?://|@import|url\(|javascript:", text)
    for _, attributes in page.tags:
        assert not {"src", "srcset"} & set(attributes)
        # A row's places in its table's orders, and how many columns that has; nothing else.
        assert re.fullmatch(r"(--(o\d|columns):\d+;?)*", attributes.get("style") or "")
        assert not [name for name in attributes if name.startswith("on")]
    assert not page.all("link")


def test_what_is_wanting_comes_first_and_leads_to_its_row(broken: ComplianceReport) -> None:
    text = compliance_html(broken)
    page = Page(text)
    assert text.index("<h2>Not met (2)</h2>") < text.index("<h2>Not measured (")
    assert text.index("<h2>Not measured (") < text.index("<h2>Every rule</h2>")
    anchors = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    targets = [attributes["href"] for attributes in page.all("a")]
    assert len(anchors) == len(set(anchors)) == len(broken.rows)
    wanting = broken.counts[Verdict.NOT_MET] + broken.counts[Verdict.NOT_MEASURED]
    assert len(targets) == wanting
    assert {target and target.removeprefix("#") for target in targets} <= set(anchors)


def test_tables_say_what_their_cells_are(broken: ComplianceReport) -> None:
    page = Page(compliance_html(broken))
    tables = len(page.all("table"))
    assert tables == len(page.all("caption")) == len({row.subject for row in broken.rows}) + 2
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    assert [attributes["lang"] for attributes in page.all("html")] == ["en"]
    verdicts = [a for a in page.all("span") if (a.get("class") or "").startswith("verdict")]
    shown = [word for word in page.words if word in set(Verdict)]
    assert len(verdicts) == len(shown)  # the word stands there, never the colour alone


def test_every_row_and_its_proof_is_on_the_page(broken: ComplianceReport) -> None:
    words = " ".join(Page(compliance_html(broken)).words)
    for row in broken.rows:
        for text in (row.words, row.source, row.required, row.measured, row.reason):
            assert text is None or text in words
        for proof in row.proof:
            assert proof.place in words
            assert proof.text in words


def test_a_page_without_faults_says_so(tmp_path: Path) -> None:
    text = compliance_html(compliance_report(compliant_session(tmp_path), small_round()))
    assert "Every rule that applies is met." in text
    assert "<h2>Not met (0)</h2>\n<p>None.</p>" in text
