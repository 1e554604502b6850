"""Each kind of change is made where it belongs, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from scripts.mutants.__main__ import EQUAL, PARTS, equal_keys, every_mutant
from scripts.mutants.mutation import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[4]


def changes(source: str) -> list[str]:
    return [mutant.change for mutant in mutants_of("m.py", source.encode())]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", ["a < b -> (a <= b)"]),
        ("x = a in b is not c", ["a in b is not c -> (a in b is c)",
                             "a in b is not c -> (a not in b is not c)"]),
        ("x = a and b", ["a and b -> (a or b)"]),
        ("x = not a", ["not a -> (a)"]),
        ("x = 7", ["7 -> (6)", "7 -> 8"]),
        ("x = True", ["True -> False"]),
        ("x = 'a'", []),
        ("x = a - b", ["a - b -> (a + b)"]),
        ("x = a / b", ["a / b -> (a * b)"]),
        ("x = a / 'b'", []),
        ("x = {'a': b, **c}", ["{'a': b, **c} -> ({'a': b})", "{'a': b, **c} -> ({**c})"]),
        ("x = [a]", ["[a] -> ([])"]),
        ("x = {a}", ["{a} -> set()"]),
        ("x = (a, b)", ["(a, b) -> ((a,))", "(a, b) -> ((b,))"]),
        ("def f():\n    a, b = b, a", []),
        ("if a: b = 0", ["a -> False", "a -> True", "0 -> (-1)", "0 -> 1"]),
        ("if TYPE_CHECKING: import a", []),
        ("if __name__ == '__main__': f()", []),
        ("x = [a for a in b if c]", ["c -> False", "c -> True"]),
        ("while a: break", ["a -> False", "break -> pass"]),
        ("def f(): return a", ["a -> None"]),
        ("def f() -> list[int]: return a", ["a -> []"]),
        ("def f() -> str | None: return a", ["a -> None"]),
        ("def f() -> None: return", []),
        ("def f() -> bool: return a", ["a -> not (a)"]),
        ("def f() -> bool: return True", ["True -> False"]),
        ("def f() -> list[int]: return []", []),
        ("f(a)", ["f(a) -> pass"]),
        ("raise a", ["raise a -> pass"]),
        ("a[b] = c", ["a[b] = c -> pass"]),
        ("a += b", ["a += b -> pass"]),
        ("x = any(a)", ["any -> all"]),
        ("x = zip(a, b, strict=True)", []),
        ("@d(1)\nclass C:\n    a: list[1] = 2", ["2 -> (1)", "2 -> 3"]),
        ('x = f"{a + 1}"', []),
    ],
)  # fmt: skip
def test_each_kind_of_change(source: str, expected: list[str]) -> None:
    assert sorted(changes(source)) == sorted(expected)


def test_a_mutant_is_the_source_with_its_change() -> None:
    source = 'def ü():\n    x = "ä", 1 < 2\n'.encode()
    (compared,) = (m for m in mutants_of("m.py", source) if "<=" in m.text)
    assert compared.applied(source).decode() == 'def ü():\n    x = "ä", (1 <= 2)\n'
    assert (compared.line, list(compared.statement)) == (2, [2])
    assert compared.key == ("m.py", "ü", 'x = "ä", 1 < 2', "1 < 2 -> (1 <= 2)")


def test_a_line_that_runs_at_import_is_told_apart() -> None:
    source = b"A = 1\nclass C:\n    b = 2\n    def f(self, c=3):\n        return 4\n"
    told = {(m.change.split()[0], m.at_import, m.scope) for m in mutants_of("m.py", source)}
    assert told == {("1", True, ""), ("2", True, "C"), ("3", True, "C"), ("4", False, "C.f")}


def mutants_in(module: str) -> list[Mutant]:
    return mutants_of(module, (ROOT / module).read_bytes())


def test_every_mutant_of_a_module_can_be_compiled() -> None:
    source = (ROOT / "sut/loadgen/child.py").read_bytes()
    mutants = mutants_in("sut/loadgen/child.py")
    compiled = [compile(each.applied(source), each.path, "exec") for each in mutants]
    assert len(compiled) > 100


def test_every_part_has_mutants() -> None:
    assert all((ROOT / name).exists() for names in PARTS.values() for name in names)
    assert set(every_mutant(ROOT, ["link"])["link"]) == set(mutants_in("sut/loadgen/link.py"))


def test_every_mutant_that_is_listed_as_equal_exists() -> None:
    listed = equal_keys(ROOT)
    found = {mutant.key for module in {key[0] for key in listed} for mutant in mutants_in(module)}
    assert listed <= found


def test_every_mutant_that_is_listed_as_equal_says_why() -> None:
    listed = yaml.safe_load((ROOT / EQUAL).read_text(encoding="utf-8"))
    assert all(each["why"].endswith(".") for each in listed)
    assert {len(each) for each in listed} == {5}
