"""One mutant against the tests that could notice it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.mutants.mutation import Mutant
from scripts.mutants.touched import TestRun, Touched, imported
from scripts.mutants.tree import Tree

# Beside five times what the tests take without a mutant.
SPARE_S = 30.0
SURVIVED = "survived"
TIMED_OUT = "killed: it took too long"


@dataclass(frozen=True)
class Case:
    """A mutant, and its tests in the rounds in which they are run."""

    mutant: Mutant
    rounds: tuple[tuple[TestRun, ...], ...]


class Chosen:
    """A pytest plugin that runs the named tests, the quick files first, and notes a failure."""

    def __init__(self, runs: Sequence[TestRun], told: Path):
        cost: dict[str, float] = {}
        for run in runs:
            cost[_file(run)] = cost.get(_file(run), 0.0) + run.seconds
        self._rank = {run.name: cost[_file(run)] for run in runs}
        self._told = told

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Keep the chosen tests."""
        items[:] = [item for item in items if item.nodeid in self._rank]
        items.sort(key=lambda item: self._rank[item.nodeid])

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write down the test that failed."""
        if report.failed:
            self._told.write_text(json.dumps(report.nodeid))


def judge(tree: Tree, case: Case) -> tuple[Mutant, str]:
    """What becomes of a mutant: SURVIVED, or who killed it."""
    mutant = case.mutant
    told = tree.root.parent / "failed.json"
    with tree.changed(mutant.path, mutant.applied((tree.root / mutant.path).read_bytes())):
        for runs in case.rounds:
            told.unlink(missing_ok=True)
            files = sorted({_file(run) for run in runs})
            limit_s = SPARE_S + 5 * sum(run.seconds for run in runs)
            code = tree.pytest(files, Chosen(runs, told), limit_s, "-x")
            if code is None:
                return mutant, TIMED_OUT
            if told.is_file():
                return mutant, f"killed: {json.loads(told.read_text())}"
            if code == pytest.ExitCode.NO_TESTS_COLLECTED:
                raise RuntimeError(f"the tests are gone: {', '.join(files)}")
            if code != pytest.ExitCode.OK:
                return mutant, f"killed: pytest ended with {code}"
    return mutant, SURVIVED


class Chooser:
    """Knows which tests could notice a mutant.

    Args:
        root: of the repository.
        touched: who runs what.
        sources: every module that imports others, from the root.
        patience_s: the tests of one mutant take so long at most; the quick ones are preferred.
    """

    def __init__(self, root: Path, touched: Touched, sources: Iterable[str], patience_s: float):
        self._touched = touched
        self._patience_s = patience_s
        self._importers: dict[str, set[str]] = {}
        for name in sources:
            for module in imported((root / name).read_bytes()):
                self._importers.setdefault(module, set()).add(name)

    def case(self, mutant: Mutant) -> Case:
        """The tests named after the module, then of its part, then others, that run the line.

        What runs at import is noticed by who uses it: the tests of the module and of those that
        import it, be it only for a constant. A line in a function that keeps its answer is traced
        in one test only, so the tests of the whole module have the last word.
        """
        module = mutant.path
        near = self._touched.of_lines(module, mutant.statement)
        far = list(self._touched.of_module(module))
        if mutant.at_import:
            near = far
            name = module.removesuffix(".py").replace("/", ".")
            far = [
                run
                for importer in sorted(self._importers.get(name, ()))
                for run in self._touched.of_module(importer)
            ]
        home = f"tests/unit/{Path(module).parent.name}/"
        own = [run for run in (*near, *far) if Path(module).stem in Path(_file(run)).stem]
        rounds = (own, [run for run in near if run.name.startswith(home)], near, far)
        seen: set[str] = set()
        kept, left_s = [], self._patience_s
        for runs in rounds:
            new = []
            for run in sorted(runs, key=lambda run: run.seconds):
                if run.name not in seen and run.seconds <= left_s:
                    seen.add(run.name)
                    new.append(run)
                    left_s -= run.seconds
            if new:
                kept.append(tuple(new))
        return Case(mutant, tuple(kept))


def _file(run: TestRun) -> str:
    return run.name.partition("::")[0]
