"""Runs → one entry per benchmark and scenario: performance, accuracy and compliance together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sut.config.names import Mode, Scenario
from sut.config.rounds import BenchmarkRules, Round
from sut.errors import ConfigError
from sut.submission.gather import Run
from sut.submission.layout import Place, submission_rules
from sut.submission.request import SubmissionPlan

PERFORMANCE, ACCURACY = Mode.PERFORMANCE.value, Mode.ACCURACY.value


@dataclass(frozen=True)
class Entry:
    """One scenario of one benchmark; `runs` by kind: performance, accuracy, TEST06."""

    benchmark: str
    scenario: Scenario
    rules: BenchmarkRules
    runs: Mapping[str, Run]

    @property
    def performance(self) -> Run:
        """The measured run; an entry without one is refused."""
        return self.runs[PERFORMANCE]

    @property
    def accuracy(self) -> Run:
        """The accuracy run; an entry without one is refused."""
        return self.runs[ACCURACY]

    @property
    def compliance(self) -> dict[str, Run]:
        """Compliance runs by test, in the round's order."""
        return {test: self.runs[test] for test in self.rules.compliance_tests if test in self.runs}

    @property
    def name(self) -> str:
        """As a user names it."""
        return f"{self.benchmark} {self.scenario}"

    def place(self, plan: SubmissionPlan, rules: Round) -> Place:
        """Where the entry's files go."""
        return Place(
            submission=submission_rules(rules),
            system=plan.system.system,
            benchmark=self.benchmark,
            scenario=self.scenario.value,
            implementation=plan.system.implementation,
        )


def group(runs: Sequence[Run], rules: Round) -> tuple[list[Entry], list[str]]:
    """The entries of these runs, and a line for each run that has no single place."""
    found: dict[tuple[str, Scenario], dict[str, Run]] = {}
    benchmarks: dict[str, BenchmarkRules] = {}
    problems: list[str] = []
    for run in runs:
        try:
            name, benchmark, _ = rules.scenario_rules(
                run.session.config.model.benchmark, run.id.scenario
            )
        except ConfigError as error:
            problems.append(f"{run.name}: {error.render()}")
            continue
        benchmarks[name] = benchmark
        mine = found.setdefault((name, run.id.scenario), {})
        if run.id.folder in mine:
            problems.append(
                f"{name} {run.id.scenario} has two {run.id.folder} runs, "
                f"{mine[run.id.folder].name} and {run.name}: leave one session out."
            )
            continue
        mine[run.id.folder] = run
    entries = [
        Entry(name, scenario, benchmarks[name], kinds)
        for (name, scenario), kinds in sorted(found.items())
    ]
    return entries, problems
