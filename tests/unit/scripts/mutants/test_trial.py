"""A mutant is judged by the tests that run its line, in a copy of its own."""

from __future__ import annotations

import random
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.mutants import trial
from scripts.mutants.__main__ import interval, report, sample_evenly
from scripts.mutants.mutation import Mutant, mutants_of
from scripts.mutants.touched import TestRun as Run
from scripts.mutants.touched import Touched, trace
from scripts.mutants.tree import Tree, copies, in_workers
from scripts.mutants.trial import SURVIVED, TIMED_OUT, Case, Chooser, judge

PART = """\
LEAST = 2


def enough(count):
    return count > LEAST


def unseen():
    return 1
"""
TESTS = """\
from sut.part import enough


def test_many():
    assert enough(9)


def test_none():
    assert not enough(0)


def test_that_fails_anyway():
    assert enough(1)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A small repository with one module and its tests."""
    root = tmp_path / "r"
    for name, text in (("sut/part.py", PART), ("tests/unit/sut/test_part.py", TESTS)):
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(text)
    return Tree(root)


def mutant(change: str) -> Mutant:
    (found,) = (m for m in mutants_of("sut/part.py", PART.encode()) if m.change == change)
    return found


def run(name: str, lines: tuple[int, ...] = (5,)) -> Run:
    return Run(f"tests/unit/sut/test_part.py::{name}", 0.1, {"sut/part.py": list(lines)})


MANY, NONE = run("test_many"), run("test_none")


def test_a_trace_holds_the_lines_of_each_test_that_passes(tree: Tree, tmp_path: Path) -> None:
    kept = tmp_path / "touched.jsonl"
    touched = trace([tree], ["sut/part.py"], kept)
    for found in (touched.of_lines("sut/part.py", [4, 5]), touched.of_module("sut/part.py")):
        assert [each.name.partition("::")[2] for each in found] == ["test_many", "test_none"]
    assert touched.of_lines("sut/part.py", [9]) == []

    before = kept.read_text()
    trace([tree], ["sut/part.py"], kept)
    assert kept.read_text() == before, "nothing changed, nothing is traced again"
    (tree.root / "sut/part.py").write_text(f"# A line more.\n{PART}")
    assert trace([tree], ["sut/part.py"], kept).of_lines("sut/part.py", [6]) != []


@pytest.mark.parametrize(
    ("change", "rounds", "expected"),
    [
        ("count > LEAST -> None", ((MANY,), (NONE,)), f"killed: {MANY.name}"),
        ("count > LEAST -> (count >= LEAST)", ((MANY, NONE),), SURVIVED),
        # Only what the rounds name is run.
        ("2 -> (1)", ((MANY,),), SURVIVED),
    ],
)
def test_a_mutant_dies_of_the_first_test_that_fails(
    tree: Tree, change: str, rounds: tuple[tuple[Run, ...], ...], expected: str
) -> None:
    changed = mutant(change)
    assert judge(tree, Case(changed, rounds)) == (changed, expected)
    assert (tree.root / "sut/part.py").read_text() == PART


def test_a_mutant_that_cannot_be_imported_is_killed(tree: Tree) -> None:
    broken = replace(mutant("2 -> 3"), text="1 / 0")
    assert judge(tree, Case(broken, ((MANY,),)))[1] == "killed: pytest ended with 2"


def test_a_mutant_that_never_ends_is_killed(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SPARE_S", 0.0)
    endless = replace(mutant("2 -> 3"), text="[each for each in iter(int, 1)]")
    assert judge(tree, Case(endless, ((replace(MANY, seconds=0.0),),)))[1] == TIMED_OUT


def test_tests_that_are_gone_are_an_error(tree: Tree) -> None:
    with pytest.raises(RuntimeError, match="the tests are gone"):
        judge(tree, Case(mutant("2 -> 3"), ((run("test_of_yesterday"),),)))


def test_near_tests_are_run_first_and_those_of_the_module_last(tree: Tree) -> None:
    (tree.root / "sut/user.py").write_text("from sut.part import LEAST\n")
    elsewhere = replace(MANY, name="tests/property/test_all.py::test_it")
    other_line = run("test_other", lines=(9,))
    user = Run("tests/unit/sut/test_user.py::test_it", 0.1, {"sut/user.py": [1]})
    reader = Run("tests/unit/test_reader.py::test_least", 0.1, {})
    (tree.root / "tests/unit/test_reader.py").write_text("from sut.part import LEAST\n")
    touched = Touched([elsewhere, MANY, other_line, user, reader])
    sources = ["sut/part.py", "sut/user.py", "tests/unit/test_reader.py"]
    chooser = Chooser(tree.root, touched, sources, patience_s=9.0)

    inside = chooser.case(mutant("count > LEAST -> None"))
    assert inside.rounds == ((MANY, other_line), (elsewhere,))
    at_import = chooser.case(mutant("2 -> 3"))
    assert at_import.rounds == ((MANY, other_line), (elsewhere,), (user, reader))
    hasty = Chooser(tree.root, touched, sources, patience_s=0.15)
    assert hasty.case(mutant("2 -> 3")).rounds == ((MANY,),)


def test_a_copy_holds_what_git_would_commit(tmp_path: Path) -> None:
    for name in ("kept.py", "new.py", "left.pyc", ".gitignore"):
        (tmp_path / name).write_text("*.pyc\n")
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "kept.py"], cwd=tmp_path, check=True)
    with copies(2, tmp_path) as trees:
        assert [sorted(path.name for path in tree.root.iterdir()) for tree in trees] == [
            [".gitignore", "kept.py", "new.py"]
        ] * 2
        assert sorted(in_workers(trees, named, [1, 2, 3])) == [1, 2, 3]
    assert not any(tree.root.exists() for tree in trees)


def named(tree: Tree, item: int) -> int:
    return item if tree.root.is_dir() else 0


def test_a_sample_is_spread_evenly_as_far_as_there_is_something() -> None:
    every = mutants_of("sut/part.py", PART.encode())
    many = every * 10
    chosen = sample_evenly({"a": many, "b": every[:2], "c": many}, 22, random.Random(1))
    assert {part: len(mutants) for part, mutants in chosen.items()} == {"a": 10, "b": 2, "c": 10}
    assert chosen == sample_evenly({"a": many, "b": every[:2], "c": many}, 22, random.Random(1))
    assert chosen != sample_evenly({"a": many, "b": every[:2], "c": many}, 22, random.Random(2))


@pytest.mark.parametrize(
    ("killed", "tried", "low", "high"),
    # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (0, 0, 0.0, 1.0)],
)
def test_the_interval_is_wilsons(killed: int, tried: int, low: float, high: float) -> None:
    assert interval(killed, tried) == pytest.approx((low, high), abs=5e-5)


def test_the_report_names_survivors_and_the_score(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = mutant("2 -> 3"), mutant("count > LEAST -> None")
    outcomes = {one: SURVIVED, two: f"killed: {MANY.name}"}
    assert report({"part": [one, two], "none": []}, outcomes) == 0.5
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["sut/part.py:1 ", "    2 -> 3"]
    assert [line.split("  ")[0] for line in lines[2:]] == ["part", "none", "all"]
    assert "1 of     2 killed  50.0%" in lines[2]
