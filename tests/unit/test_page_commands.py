"""Each command on a page has a verb, flags and keys that exist; a tutorial's says who runs it."""

from __future__ import annotations

import re
from functools import cache

import pytest

from scripts.site.reference import help_of
from sut.config.keys import Setting, require_known
from sut.config.verbs import VERBS
from sut.main import split_verb
from tests.page_commands import ROOT, RUN, TUTORIALS, Block, blocks, pages

FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z0-9-]*")
OURS = "python -m sut.main"
EVERY = [(block, line) for page in pages() for block in blocks(page) for line in block.lines]
CALLS = sorted({line for _, line in EVERY if OURS in line})
LEARNT = [block for page in sorted(TUTORIALS.glob("*.md")) for block in blocks(page)]


@cache
def flags(*words: str) -> set[str]:
    return set(FLAG.findall(help_of(*words)))


@pytest.mark.parametrize("line", CALLS)
def test_each_command_has_a_verb_and_flags_and_keys_that_exist(line: str) -> None:
    words = line.partition(OURS)[2].partition(" > ")[0].split()
    verb, rest = split_verb(words)
    given = {word.partition("=")[0] for word in rest if word.startswith("--")}
    # Some verbs take the flags of a run, and say so without listing them.
    known = flags(verb) | (flags("run") if "flags of a run" in help_of(verb) else set())
    if verb == "cluster":
        known |= flags(verb, rest[0])
    assert given <= known
    for at, word in enumerate(rest[:-1]):
        if word == "--set":
            key, _, value = rest[at + 1].partition("=")
            require_known(Setting(key, value, line))


def test_the_search_sees_the_pages() -> None:
    assert len(CALLS) > 40
    assert {split_verb(each.partition(OURS)[2].split())[0] for each in CALLS} >= {
        "run", "doctor", "submit", "check", "verify", "peak", "compare", "cluster",
    }  # fmt: skip
    assert set(VERBS) >= {"run"}


@pytest.mark.parametrize("block", LEARNT, ids=lambda each: f"{each.page.stem}: {each.lines[0]}")
def test_a_tutorials_command_is_run_by_a_test_or_says_what_it_needs(block: Block) -> None:
    assert block.mark is not None
    by = block.mark.removeprefix("run by ")
    if by != block.mark:
        assert (ROOT / by).is_file()
    elif block.mark.startswith(RUN):
        assert block.codes
    else:
        assert block.mark in ("needs a card", "needs a cluster")
