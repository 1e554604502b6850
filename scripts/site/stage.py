"""The pages as the site's generator wants them: copies, a table of contents, reference pages.

The repository's own pages stay plain Markdown that reads well without the site. docs/index.md
lists them in groups; each group becomes a part of the site's menu.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from scripts.site.reference import pages

ROOT = Path(__file__).resolve().parents[2]
INDEX = "docs/index.md"
ABOVE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
GROUP = re.compile(r"^## (.+)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
MADE = "Reference"


def stage(folder: Path) -> None:
    """Fill an empty folder with all that the site is made of."""
    for page in sources():
        _copy(page, folder)
        for file in linked(page):
            _copy(file, folder)
    made = folder / "docs" / "reference"
    made.mkdir(parents=True)
    for name, text in pages().items():
        (made / f"{name}.md").write_text(text, encoding="utf-8")
    _append(folder / INDEX, menus())
    for owner, owned in below().items():
        _append(folder / owner.relative_to(ROOT), _menu(owner.stem, owned))


def sources() -> list[Path]:
    """Every page of the repository, the index first."""
    docs = sorted((ROOT / "docs").rglob("*.md"))
    return [ROOT / INDEX, *(ROOT / name for name in ABOVE), *(d for d in docs if d != ROOT / INDEX)]


def linked(page: Path) -> Iterator[Path]:
    """The files that are no pages and that a page leads to."""
    for target in LINK.findall(_text(page)):
        path = (page.parent / target).resolve()
        if path.is_file() and path.suffix != ".md":
            yield path


def menus() -> str:
    """The site's menu: a group for each heading of the index, and one for what the code says."""
    _, *rest = GROUP.split(_text(ROOT / INDEX))
    groups = dict(zip(rest[::2], (LINK.findall(part) for part in rest[1::2]), strict=True))
    groups[MADE] = [*(f"reference/{name}.md" for name in pages()), *groups.get(MADE, [])]
    return "".join(_menu(name, targets) for name, targets in groups.items())


def below() -> dict[Path, list[str]]:
    """The pages that the index does not list, by the page of their folder, as links from it."""
    listed = {(ROOT / "docs" / each).resolve() for each in LINK.findall(_text(ROOT / INDEX))}
    found: dict[Path, list[str]] = {}
    for page in sources()[1:]:
        if page not in listed:
            owner = _owner(page)
            link = page.relative_to(owner.parent).as_posix()
            found.setdefault(owner, []).append(link)
    return found


def _owner(page: Path) -> Path:
    """README.md of its folder; of that, and of a folder without one, the page of that name."""
    first = page.parent / "README.md"
    if first.is_file() and first != page:
        return first
    for each in page.relative_to(ROOT).parents:
        named = ROOT / f"{each}.md"
        if named.is_file() and named != page:
            return named
    raise SystemExit(f"{page.relative_to(ROOT)} is in no menu: list it in {INDEX}.")


def _append(page: Path, text: str) -> None:
    page.write_text(_text(page) + text, encoding="utf-8")


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _menu(name: str, targets: list[str]) -> str:
    lines = "\n".join(targets)
    return f"\n```{{toctree}}\n:hidden:\n:caption: {name}\n\n{lines}\n```\n"


def _copy(file: Path, folder: Path) -> None:
    to = folder / file.relative_to(ROOT)
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, to)
