"""Each rule says whose word it goes by, and the proofs that its conditions name agree."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.result.build import build
from sut.rules.catalogue import CATALOGUE, SCENARIO_WIDE, SESSION_WIDE
from sut.rules.check import Check
from sut.rules.rule import Book, Ground
from tests.unit.result.sessions import make_round
from tests.unit.rules.breakages import FOLDERS, whole

EVERY = {**CATALOGUE, **SESSION_WIDE, **SCENARIO_WIDE}
OURS = ("run.json/", "config.json/", "session.json/")


def test_every_rule_has_a_ground() -> None:
    assert EVERY
    assert {name for name, rule in EVERY.items() if not isinstance(rule.ground, Ground)} == set()
    assert {rule.ground for rule in EVERY.values()} == set(Ground)


def test_a_book_gives_its_ground_and_a_rule_may_have_another() -> None:
    book: Book[object] = Book(Ground.LEDGER)
    ours = book.rule("a", "A rule", "nobody")(lambda _: ())
    other = book.rule("b", "A rule", "nobody", ground=Ground.RECORD)(lambda _: ())
    assert (ours.ground, other.ground) == (Ground.LEDGER, Ground.RECORD)


def test_what_nobody_else_tells_proves_nothing() -> None:
    ours = ("warm-up", "prefix-cache-hits", "loadgen-model", "files-unchanged", "weights-checksum")
    assert [name for name in ours if EVERY[name].ground.proves] == []
    others = ("seeds", "ttft", "two-clocks", "no-failures", "rates-follow", "compliance-test")
    assert [name for name in others if not EVERY[name].ground.proves] == []


def by_loadgen(check: Check) -> list[str]:
    return [key for key in check.keys if "/" not in key]


def by_us(check: Check) -> list[str]:
    return [key for key in check.keys if key.startswith(OURS)]


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_the_proofs_of_a_condition_are_of_its_rules_ground(tmp_path: Path, name: str) -> None:
    result = build(whole(tmp_path, name), make_round() if name != "singlestream" else None)
    tests = [run for runs in result.compliance_runs.values() for run in runs.values()]
    (run,) = (*result.scenarios.values(), *result.accuracy_runs.values(), *tests)
    ground = {each.rule: CATALOGUE[each.rule].ground for each in run.checks}
    told = {each.rule for each in run.checks if by_us(each)}
    logged = {each.rule for each in run.checks if by_loadgen(each)}
    assert told
    assert logged
    assert [rule for rule in told if ground[rule] is Ground.LOADGEN] == []
    assert [rule for rule in logged if not ground[rule].proves] == []
