"""What one run is judged by: its configuration, its record, its logs and the round's rules."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.rounds import BenchmarkRules, Round, ScenarioRules
from sut.config.schema import RunConfig
from sut.errors import ConfigError, LogError
from sut.logs.figures import Figures
from sut.logs.run_logs import LoadGenLogs
from sut.record.answer import AnswerBounds, bounds_of
from sut.record.facts import (
    AccuracyFacts,
    LedgerFacts,
    RunFacts,
    SessionFacts,
    SessionOfRun,
    VerificationFacts,
    traits_of,
)
from sut.record.ledger_file import counted
from sut.record.session import RunRecord, SessionRecord


@dataclass(frozen=True)
class Evidence:
    """Everything one run's verdict rests on."""

    config: RunConfig
    session: SessionFacts
    run: RunFacts
    directory: Path
    logs: LoadGenLogs | None
    logs_problem: str | None
    ledger: Any | None
    round: Round | None
    accuracy: AccuracyFacts | None = None
    """The scores of an accuracy run, by its log."""
    verification: VerificationFacts | None = None
    """The verdict of a compliance test, by its logs."""
    evaluation_problem: str | None = None
    """Why neither could be worked out from the logs."""
    stated: AccuracyFacts | VerificationFacts | None = None
    """What accuracy.json or verification.json says of it."""
    of_run: SessionOfRun | None = None
    """What a run of this session must name as its session."""

    @cached_property
    def counts(self) -> LedgerFacts | None:
        """The counts of ledger.parquet; None without one."""
        late = self.run.ledger.late_events  # they have no row
        return None if self.ledger is None else counted(self.ledger, late)

    @property
    def bounds(self) -> AnswerBounds:
        """What an answer may be."""
        return bounds_of(self.config)

    @property
    def scenario(self) -> Scenario:
        """The scenario of the run."""
        return Scenario(self.run.scenario)

    @property
    def traits(self) -> EngineTraits:
        """The engine's, told or planned."""
        return traits_of(self.config, self.session)

    @property
    def figures(self) -> Figures:
        """LoadGen's figures; all None where its log is missing."""
        return self.logs.figures if self.logs else Figures()

    @property
    def strict(self) -> bool:
        """Whether the round's rules hold unrelaxed."""
        return self.config.profile == "mlperf"

    @property
    def rules(self) -> ScenarioRules | None:
        """The round's rules for this scenario; None where there are none."""
        found = self._found
        return found and found[1]

    @property
    def benchmark(self) -> BenchmarkRules | None:
        """The round's rules for this run's benchmark; None where there are none."""
        found = self._found
        return found and found[0]

    @property
    def _found(self) -> tuple[BenchmarkRules, ScenarioRules] | None:
        if self.round is None:
            return None
        try:
            return self.round.scenario_rules(self.config.model.benchmark, self.scenario)[1:]
        except ConfigError:
            return None


def _stated(run: RunRecord) -> AccuracyFacts | VerificationFacts | None:
    """What was written of its evaluation; None where that cannot be read."""
    with suppress(LogError):
        return run.stated_verification if run.facts.test else run.stated_accuracy
    return None


def evidence_of(record: SessionRecord, run: RunRecord, round_: Round | None) -> Evidence:
    """What the folder of a session holds for one of its runs, with the engine that answered it."""
    start = record.of_start(run.scenario)
    return Evidence(
        start.config,
        start.facts,
        run.facts,
        run.folder.root,
        run.logs,
        run.logs_problem,
        run.ledger,
        round_,
        run.accuracy,
        run.verification,
        run.evaluation_problem,
        _stated(run),
        start.of_run,
    )
