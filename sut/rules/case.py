"""What a rule is applied to: LoadGen's logs of one run, and in a session all that it left."""

from __future__ import annotations

from dataclasses import dataclass

from sut.config.names import Scenario
from sut.logs.figures import Figures
from sut.logs.run_logs import LoadGenLogs
from sut.metrics import judged_duration_s
from sut.rules.check import Value
from sut.rules.demands import Demands
from sut.rules.evidence import Evidence


@dataclass(frozen=True)
class LogCase:
    """One run by LoadGen's logs alone: a session's, or a folder of anybody's tree."""

    logs: LoadGenLogs | None
    scenario: Scenario | None
    """What it should be of; None: no MLPerf scenario."""
    mode: str
    demands: Demands

    @property
    def figures(self) -> Figures:
        """LoadGen's figures; all None where its log is missing."""
        return self.logs.figures if self.logs else Figures()

    @property
    def like_server(self) -> bool:
        """Whether LoadGen runs it as Server, as it does Interactive."""
        return self.scenario is not None and self.scenario.loadgen_scenario == "Server"

    @property
    def sample_count(self) -> int | None:
        """Samples LoadGen issued."""
        return self.logs.sample_count if self.logs else None

    @property
    def lasted_s(self) -> float | None:
        """What LoadGen holds against its minimum duration."""
        if self.scenario is None:
            return None
        return judged_duration_s(self.scenario.value, self.figures, self.sample_count)

    def logged(self, key: str) -> Value:
        """The first value of a key in the detail log."""
        return self.logs.detail.values.get(key) if self.logs else None


@dataclass(frozen=True)
class RunCase(LogCase):
    """One run of a session: its logs, its ledger, its record."""

    evidence: Evidence


def run_case(evidence: Evidence, demands: Demands) -> RunCase:
    """A session's run, and what is asked of it."""
    return RunCase(evidence.logs, evidence.scenario, evidence.run.mode, demands, evidence)
