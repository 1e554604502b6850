"""Whoever clones the project can look up whatever its code, its results and its pages cite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Where citations are looked for; tests/data is LoadGen's and other people's text.
FOLDERS = ("sut", "qsl", "audit", "scripts", "user_confs", "tests", "docs", ".ci")
FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
TEXT = {".py", ".md", ".yaml", ".yml", ".json", ".toml", ".html", ".config", ".c", ".pyi", ""}
RECORDED = ROOT / "tests" / "data"

# Pages that the authors had and that no clone holds, and their numbered paragraphs.
ABSENT = re.compile(r"\b(mlperf|users|mission|environment|style|decisions)\.md|[Dd]ecisions? [0-9]")
PARAGRAPH = re.compile(r"\w\.md (§|section|line|[0-9])")
OURS = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.md")
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+?) *$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
README_LINES = 135
# A page of KubeRay's, which tests/unit/scripts/kuberay.py was written after.
OF_OTHERS = {"docs/reference/api.md"}


def texts() -> Iterator[tuple[Path, str]]:
    """Every file of ours that a person wrote, with its text."""
    found = [ROOT / name for name in FILES]
    for folder in FOLDERS:
        found += sorted((ROOT / folder).rglob("*"))
    for path in found:
        ours = not path.is_relative_to(RECORDED) and "__pycache__" not in path.parts
        if ours and path.is_file() and path.suffix in TEXT:
            yield path, path.read_text(encoding="utf-8")


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path, text in texts()
        if path != Path(__file__)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def pages() -> list[Path]:
    return [ROOT / name for name in FILES if name.endswith(".md")] + sorted(
        ROOT.glob("docs/**/*.md")
    )


def anchor(heading: str) -> str:
    """The fragment that GitHub gives a heading."""
    kept = re.sub(r"[^\w\- ]", "", heading.casefold())
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {anchor(each) for each in HEADING.findall(FENCE.sub("", page.read_text("utf-8")))}


def links(page: Path) -> list[str]:
    """Its links to other pages and files, without those to the web."""
    found = LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return [each for each in found if not each.startswith(("http://", "https://", "mailto:"))]


def test_the_search_sees_the_code_the_configuration_and_the_pages():
    seen = {str(path.relative_to(ROOT)) for path, _ in texts()}
    assert {"sut/main.py", "user_confs/rounds/v6.1.yaml", "docs/rules.md", "Makefile"} <= seen


@pytest.mark.parametrize("line", ["see mission" + ".md §4", "mlperf" + ".md", "as decision" + " 2"])
def test_the_pattern_finds_a_page_that_a_clone_lacks(line: str):
    assert ABSENT.search(line)


def test_nothing_cites_a_page_that_a_clone_lacks():
    assert lines_with(ABSENT) == []


def test_nothing_cites_a_numbered_paragraph_of_a_page():
    assert lines_with(PARAGRAPH) == []


def test_every_page_of_docs_that_is_named_exists():
    named = {(each, path) for path, text in texts() for each in OURS.findall(text)}
    assert named
    assert {
        f"{path.relative_to(ROOT)}: {each}"
        for each, path in named
        if each not in OF_OTHERS and not (ROOT / each).is_file()
    } == set()


@pytest.mark.parametrize("page", pages(), ids=lambda each: str(each.relative_to(ROOT)))
def test_each_relative_link_leads_somewhere(page: Path):
    for link in links(page):
        name, _, fragment = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if fragment:
            assert fragment in anchors(target), f"{page.name}: {link}"


def test_every_page_of_docs_can_be_reached_from_the_readme():
    reached, open_pages = set(), [ROOT / "README.md"]
    while open_pages:
        page = open_pages.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        open_pages += [(page.parent / each.partition("#")[0]).resolve() for each in links(page)]
    assert set(ROOT.glob("docs/**/*.md")) - reached == set()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def test_the_code_map_has_every_folder_of_the_harness():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = [each.name for each in (ROOT / "sut").iterdir() if list(each.glob("*.py"))]
    assert folders
    assert [each for each in folders if f"| `sut/{each}/` |" not in text] == []
