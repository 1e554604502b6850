"""No code names a benchmark, its metrics, its prompts' form or its LoadGen models: data does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from qsl.prompts import format_names
from sut.accuracy.registry import find_scorer, scorer_names
from sut.config.rounds import load_round
from sut.config.shipped import names, round_names
from tests.conftest import ROOT

# Each file that says a name for a reason of its own.
SAID_FOR_A_REASON = {
    ("sut/record/facts.py", "rouge"): "what files of before there were scorers were scored by",
    ("sut/record/facts.py", "gen_len"): "a key of those files",
}
# The folder whose files are the scorers, and the form that belongs to no benchmark.
OWNERS = ROOT / "sut" / "accuracy" / "scorers"
NOBODYS = {"chat"}


def family_names() -> set[str]:
    found = {*names("models"), *format_names(), *scorer_names()}
    for name in round_names():
        for key, benchmark in load_round(name).benchmarks.items():
            found |= {key, *benchmark.aliases}
            found |= {each.loadgen_model for each in benchmark.scenarios.values()}
    for name in scorer_names():
        for metric in find_scorer(name).metrics:
            found |= {metric.name, metric.key}
    return found - NOBODYS


def texts(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_what_is_a_familys_own_is_no_text_in_the_code() -> None:
    known = family_names()
    assert {"llama3.1-8b", "llama3_1-8b-interactive", "ROUGELSUM", "gen_len", "rouge"} <= known
    said = {
        (str(path.relative_to(ROOT)), text)
        for folder in ("sut", "qsl", "audit")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if OWNERS not in path.parents
        for text in texts(path)
        if text in known
    }
    assert said == set(SAID_FOR_A_REASON)
