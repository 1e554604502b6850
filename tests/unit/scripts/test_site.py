"""What the site is made of: every page in its menu, reference pages that hold what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.site import reference
from scripts.site.stage import ROOT, below, menus, sources, stage
from sut.config.keys import leaves
from sut.config.verbs import VERBS
from sut.rules.catalogue import CATALOGUE


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return reference.pages()


def test_each_verb_says_what_it_does_and_takes(made: dict[str, str]) -> None:
    text = made["command-line"]
    assert [verb for verb in VERBS if f"\n## {verb}\n" not in text] == []
    assert text.count("usage: ") >= len(VERBS)
    assert "--scenario" in text


def test_each_key_rule_and_field_has_its_row(made: dict[str, str]) -> None:
    assert [key for key in leaves() if f"| `{key}`" not in made["keys"]] == []
    assert [each for each in CATALOGUE if f"| `{each}` |" not in made["catalogue"]] == []
    assert "| `achieved_qps` |" in made["result"]
    assert "## Distribution" in made["result"]


def test_a_row_is_one_line_of_as_many_cells_as_its_head(made: dict[str, str]) -> None:
    for name, text in made.items():
        rows = [re.sub(r"\\\|", "", line) for line in text.splitlines() if line.startswith("| ")]
        counts = {row.count(" |") for row in rows}
        assert counts <= {3, 5}, name


def test_every_page_is_in_exactly_one_menu() -> None:
    inside = re.findall(r"^(?!reference/)[\w./-]+\.md$", menus(), re.MULTILINE)
    listed = [(ROOT / "docs" / each).resolve() for each in inside]
    owned = [(owner.parent / each).resolve() for owner, links in below().items() for each in links]
    assert sorted([*listed, *owned]) == sorted(sources()[1:])


def test_what_pages_lead_to_is_there(tmp_path: Path) -> None:
    stage(tmp_path)
    assert (tmp_path / "README.md").is_file()
    assert (tmp_path / "docs" / "reference" / "keys.md").is_file()
    assert "toctree" in (tmp_path / "docs" / "index.md").read_text()
    assert "toctree" not in (ROOT / "docs" / "index.md").read_text()
