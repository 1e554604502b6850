"""Where a round wants each file of one system, benchmark and scenario to be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sut.config.rounds import Round, SubmissionRules
from sut.errors import ConfigError


def submission_rules(rules: Round) -> SubmissionRules:
    """The form of the round's tree.

    Raises:
        ConfigError: nothing of this family can be submitted to the round.
    """
    if rules.submission is None:
        why = rules.absent.get(rules.default_benchmark, "it has no form of a tree")
        raise ConfigError(
            f"round {rules.name} takes no submission of {rules.default_benchmark}: {why}.",
            remedy="Choose another --round.",
        )
    return rules.submission


@dataclass(frozen=True)
class Place:
    """One scenario of one benchmark on one system, and its paths below the submitter's folder."""

    submission: SubmissionRules
    system: str
    benchmark: str
    scenario: str
    implementation: str

    @property
    def performance(self) -> Path:
        return self._path(self.submission.layout.performance)

    @property
    def accuracy(self) -> Path:
        return self._path(self.submission.layout.accuracy)

    @property
    def measurements(self) -> Path:
        return self._path(self.submission.layout.measurements)

    @property
    def measurements_file(self) -> Path:
        return self.measurements / self._fill(self.submission.layout.measurements_file)

    @property
    def source(self) -> Path:
        return self._path(self.submission.layout.source)

    @property
    def system_file(self) -> Path:
        return self._path(self.submission.layout.systems)

    def compliance(self, test: str) -> Path:
        """The folder of one compliance test."""
        return self._path(self.submission.layout.compliance, test=test)

    def _path(self, template: str, **more: str) -> Path:
        return Path(self._fill(template, **more))

    def _fill(self, template: str, **more: str) -> str:
        return template.format(
            system=self.system,
            benchmark=self.benchmark,
            scenario=self.scenario,
            implementation=self.implementation,
            **more,
        )
