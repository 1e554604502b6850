"""Which test runs which line, found by running each test once under a trace function.

A file of tests is traced again when it changes, or what it imports of tests/, or a module of
which it ran a line.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from scripts.mutants.tree import Tree, in_workers

TESTS = ("tests/unit", "tests/property")
LIMIT_S = 3600.0
# A test that fails or is skipped without a mutant is left out; a file may have none that is for us.
ENDED_WELL = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


@dataclass
class TestRun:
    """One test that passed: the seconds that it took, and the lines that it ran by module."""

    name: str
    seconds: float
    lines: dict[str, list[int]]


class Tracer:
    """A pytest plugin that writes a TestRun as a line of JSON for each test that passes.

    Args:
        root: of the copy that runs.
        modules: whose lines are noted, from the root.
        output: the file to write.
    """

    def __init__(self, root: Path, modules: Iterable[str], output: Path):
        self._lines: dict[str, set[int]] = {str(root / name): set() for name in modules}
        self._root = root
        self._output = output
        self._passed = True

    def _call(self, frame: FrameType, _event: str, _argument: object) -> Any:
        lines = self._lines.get(frame.f_code.co_filename)
        if lines is None:
            return None
        lines.add(frame.f_lineno)

        def line(frame: FrameType, _event: str, _argument: object) -> Any:
            lines.add(frame.f_lineno)
            return line

        return line

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Trace one test, its fixtures included."""
        for each in self._lines.values():
            each.clear()
        self._passed = True
        threading.settrace(self._call)
        sys.settrace(self._call)
        started = time.perf_counter()
        try:
            result = yield
        finally:
            sys.settrace(None)
            threading.settrace(None)
        if self._passed:
            ran = {
                str(Path(name).relative_to(self._root)): sorted(lines)
                for name, lines in self._lines.items()
                if lines
            }
            seconds = round(time.perf_counter() - started, 4)
            with self._output.open("a") as file:
                file.write(json.dumps([item.nodeid, seconds, ran]) + "\n")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails or is skipped without a mutant shows nothing about one."""
        if report.outcome != "passed":
            self._passed = False


class Touched:
    """Who ran what, of every test that passed."""

    def __init__(self, runs: Iterable[TestRun]):
        self._by_line: dict[tuple[str, int], list[TestRun]] = defaultdict(list)
        self._by_module: dict[str, list[TestRun]] = defaultdict(list)
        self._by_file: dict[str, list[TestRun]] = defaultdict(list)
        for run in runs:
            self._by_file[run.name.partition("::")[0]].append(run)
            for module, lines in run.lines.items():
                self._by_module[module].append(run)
                for line in lines:
                    self._by_line[module, line].append(run)

    def of_lines(self, module: str, lines: Iterable[int]) -> list[TestRun]:
        """The tests that ran one of these lines."""
        found = {run.name: run for line in lines for run in self._by_line.get((module, line), ())}
        return list(found.values())

    def of_module(self, module: str) -> list[TestRun]:
        """The tests that ran any function of a module; of a file of tests, its own."""
        return self._by_module.get(module) or self._by_file.get(module, [])


def trace(trees: Sequence[Tree], modules: Sequence[str], kept: Path) -> Touched:
    """Every test that passes, with the lines that it runs.

    Args:
        trees: copies, each with a worker of its own.
        modules: whose lines are noted.
        kept: a file with what earlier calls found, a line for each file of tests; it grows.
    """
    root = trees[0].root
    tests = [path for name in TESTS for path in sorted((root / name).rglob("test_*.py"))]
    names = [str(path.relative_to(root)) for path in tests]
    known = dict(_fresh(root, kept)) if kept.is_file() else {}
    stale = [name for name in names if name not in known]
    if stale:
        print(f"tracing {len(stale)} of {len(names)} files of tests", flush=True)
    with kept.open("a") as file:
        for name, runs in in_workers(trees, partial(_traced, modules=modules), stale):
            ran = {module for run in runs for module in run[2]}
            digests = {each: _digest(root / each) for each in sorted(ran | _sources(root, name))}
            file.write(json.dumps([name, digests, runs]) + "\n")
            file.flush()
            known[name] = runs
    return Touched(TestRun(*run) for name in names for run in known[name])


def _fresh(root: Path, kept: Path) -> Iterable[tuple[str, list[Any]]]:
    """What is kept of tests that have not changed, nor has what they run."""
    for line in kept.read_text().splitlines():
        name, digests, runs = json.loads(line)
        if digests == {each: _digest(root / each) for each in digests}:
            yield name, runs


def _traced(tree: Tree, name: str, modules: Sequence[str]) -> tuple[str, list[Any]]:
    output = tree.root.parent / "traced.jsonl"
    output.write_text("")
    code = tree.pytest([name], Tracer(tree.root, modules, output), LIMIT_S)
    if code not in ENDED_WELL:
        raise RuntimeError(f"pytest ended with {code} over {name}:\n{tree.log.read_text()}")
    return name, [json.loads(line) for line in output.read_text().splitlines()]


def _sources(root: Path, name: str) -> set[str]:
    """A file of tests, what it imports of tests/, and the conftest.py above it."""
    found, new = set(), {name}
    new |= {str(above / "conftest.py") for above in Path(name).parents}
    while new:
        each = new.pop()
        if each not in found and (root / each).is_file():
            found.add(each)
            names = imported((root / each).read_bytes())
            new |= {f"{x.replace('.', '/')}.py" for x in names if x.startswith("tests.")}
    return found


def imported(source: bytes) -> set[str]:
    """Every name of a module that a source may import."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
