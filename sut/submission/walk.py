"""A tree on disk → its entries, whoever made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sut.config.names import Scenario
from sut.config.rounds import BenchmarkRules, Round, ScenarioRules
from sut.errors import ConfigError
from sut.machine.places import not_a_folder
from sut.submission.findings import Finding, Severity
from sut.submission.layout import Place, submission_rules

SCENARIOS = {scenario.value.casefold(): scenario for scenario in Scenario}


@dataclass(frozen=True)
class TreeEntry:
    """One scenario folder below results/, and the rules it must meet."""

    tree: Path
    division: str
    submitter: str
    place: Place
    round: Round
    benchmark: BenchmarkRules | None
    """None: not one of the round's benchmarks of this family."""
    scenario: Scenario | None
    """None: no MLPerf scenario."""

    @property
    def root(self) -> Path:
        """The submitter's folder."""
        return self.tree / self.division / self.submitter

    @property
    def closed(self) -> bool:
        """Whether every rule binds."""
        return self.division != "open"

    @property
    def foreign(self) -> bool:
        """Whether it is of another family's benchmark, which nothing here judges."""
        return self.benchmark is None and self.place.benchmark in self.round.other_benchmarks

    @property
    def rules(self) -> ScenarioRules | None:
        """What the round asks of the scenario; None where it asks nothing."""
        if self.benchmark is None or self.scenario is None:
            return None
        return self.benchmark.scenarios.get(self.scenario)

    def finding(
        self, path: Path, sentence: str, remedy: str, severity: Severity = "error"
    ) -> Finding:
        """A complaint about a path below the submitter's folder."""
        return Finding(severity, f"{self.division}/{self.submitter}/{path}", sentence, remedy)


def entries(tree: Path, rules: Round) -> Iterator[TreeEntry]:
    """Every scenario folder of the tree, in order of name."""
    for folder in sorted(tree.glob("*/*/results/*/*/*")):
        if not folder.is_dir():
            continue
        division, submitter, _, system, benchmark, scenario = folder.relative_to(tree).parts
        if (tree / division).is_symlink():
            continue  # structure.py tells of it
        found = Place(submission_rules(rules), system, benchmark, scenario, "")
        place = Place(
            found.submission,
            system,
            benchmark,
            scenario,
            _implementation(tree / division / submitter, found),
        )
        yield TreeEntry(
            tree=tree,
            division=division,
            submitter=submitter,
            place=place,
            round=rules,
            benchmark=rules.benchmarks.get(rules.id_of(benchmark)),
            scenario=SCENARIOS.get(scenario.casefold()),
        )


def _implementation(root: Path, place: Place) -> str:
    """The implementation's name: that of the only, or first, folder below the benchmark's."""
    folders = sorted(path.name for path in (root / place.source).glob("*") if path.is_dir())
    return folders[0] if folders else "implementation"


def open_tree(tree: Path) -> Path:
    """The tree's folder.

    Raises:
        ConfigError: it is not there.
    """
    if (why := not_a_folder(tree)) is not None:
        raise ConfigError(why, where=str(tree), remedy="Name the folder of a tree.")
    return tree
