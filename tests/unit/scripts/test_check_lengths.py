"""What is too long is named with its place; what just fits is not."""

from __future__ import annotations

from pathlib import Path

from scripts.check_lengths import too_long


def module(root: Path, name: str, *functions: int, blank: int = 0) -> None:
    """A module with functions of so many lines, `def` included, and blank lines."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    bodies = ("".join([f"def f{i}():\n", *["    1\n"] * (n - 1)]) for i, n in enumerate(functions))
    path.write_text("".join([*bodies, "\n" * blank]), encoding="utf-8")


def test_the_bounds_are_the_last_that_fit(tmp_path: Path) -> None:
    module(tmp_path, "sut/fits.py", 40, blank=360)
    module(tmp_path, "sut/deep/long.py", 3, 41)
    module(tmp_path, "qsl/wide.py", blank=401)
    assert list(too_long(tmp_path, ("sut", "qsl", "absent"))) == [
        "sut/deep/long.py:4: f1 has 41 lines, at most 40",
        "qsl/wide.py: 401 lines, at most 400",
    ]


def test_a_test_may_be_long_and_its_module_may_not(tmp_path: Path) -> None:
    module(tmp_path, "tests/test_it.py", 60, blank=341)
    assert list(too_long(tmp_path)) == ["tests/test_it.py: 401 lines, at most 400"]
