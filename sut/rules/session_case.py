"""What the rules on a whole session are applied to, and the sentence that a broken one gives."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import Field

from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.rounds import BenchmarkRules, Round, ScenarioRules
from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.logs.run_logs import LoadGenLogs
from sut.record.facts import EngineFacts, RunFacts, SessionFacts, traits_of
from sut.record.manifest import Closed
from sut.record.session import SessionRecord, StartRecord
from sut.rules.check import Check, Value, check
from sut.rules.same_answers import Answers, answers_of

# What a LoadGen was built with, and from what (loadgen/version.cc).
BUILD = ("loadgen_version", "loadgen_build_date_utc", "loadgen_git_commit_date",
         "loadgen_git_log_message", "loadgen_git_status_message")  # fmt: skip


class SessionCheck(Check):
    """A condition on a session, with what its failure says against a submission."""

    against: str = Field(
        "", exclude=True, description="in words; empty where another rule says it already"
    )


def told(
    name: str, measured: Value, comparison: str, limit: Value, against: str = "", **more: Any
) -> SessionCheck:
    """`check`, with the sentence that its failure is worth."""
    found = check(name, measured, comparison, limit, more.pop("source", ""), **more)
    return SessionCheck(**found.model_dump(), against=against)


def of_start(made: Check, scenarios: str) -> Check:
    """A condition on one engine of several, which says whose it is."""
    words = {"name": f"engine of {scenarios}{f': {made.name}' if made.name else ''}"}
    if isinstance(made, SessionCheck) and made.against:
        words["against"] = f"engine of {scenarios}: {made.against}"
    return made.model_copy(update=words)


@dataclass(frozen=True)
class SessionCase:
    """One session: its configuration, its record, its runs.

    Attributes:
        round: None where nobody knows the round that the configuration names.
        processes: by a run's folder, the process ids in LoadGen's log.
        builds: by a run's folder, what LoadGen's log says of the LoadGen that wrote it.
        answers: by a run's folder, what its ledger says of its answers.
        closed: how the folder stands to its manifest; None where it was never closed.
        hashed: by a run's folder, the files whose hash the run itself recorded.
        starts: the engine's starts, each as a case of its own by the name of its scenarios; empty
            where there was one.
    """

    config: RunConfig
    facts: SessionFacts
    round: Round | None
    runs: Sequence[RunFacts] = ()
    processes: Mapping[str, frozenset[int]] = field(default_factory=dict)
    builds: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    answers: Mapping[str, Answers] = field(default_factory=dict)
    closed: Closed | None = None
    hashed: Mapping[str, Collection[str]] = field(default_factory=dict)
    starts: Mapping[str, SessionCase] = field(default_factory=dict)

    def of(self, scenario: Scenario) -> SessionCase:
        """The case with the engine that answered a scenario."""
        mine = (case for name, case in self.starts.items() if scenario.value in name.split(", "))
        return next(mine, self)

    @property
    def traits(self) -> EngineTraits:
        """What the engine told; of one that never became ready, what was planned."""
        return traits_of(self.config, self.facts)

    @property
    def strict(self) -> bool:
        """Whether the round's rules hold unrelaxed."""
        return self.config.profile == "mlperf"

    @property
    def engine(self) -> EngineFacts | None:
        """None: it never became ready."""
        return self.facts.engine

    @property
    def benchmark(self) -> BenchmarkRules | None:
        """The benchmark that the configuration names; None if the round does not have it."""
        return self.round.benchmarks.get(self.config.model.benchmark) if self.round else None

    def rules_of(
        self, scenario: Scenario
    ) -> tuple[str, BenchmarkRules, ScenarioRules] | tuple[None, None, None]:
        """Benchmark id, its rules and the scenario's; Nones if the round does not have it."""
        if self.round is None:
            return None, None, None
        try:
            return self.round.scenario_rules(self.config.model.benchmark, scenario)
        except ConfigError:
            return None, None, None

    def benchmarks(self) -> dict[str, BenchmarkRules]:
        """Benchmark ids of the session and their rules: SingleStream belongs to the edge one."""
        found = (self.rules_of(scenario) for scenario in self.config.scenarios)
        return {name: rules for name, rules, _ in found if name is not None and rules is not None}


def session_case(record: SessionRecord, round_: Round | None) -> SessionCase:
    """A session's folder, read already, and the round that judges it."""
    logs = {run.place: run.logs for run in record.runs}
    case = SessionCase(
        record.config,
        record.facts,
        round_,
        [run.facts for run in record.runs],
        {place: frozenset(each.detail.index.process_ids) for place, each in logs.items() if each},
        {place: _build(each) for place, each in logs.items() if each},
        {run.place: answers_of(run.ledger) for run in record.runs},
        record.closed,
        {run.place: run.facts.log_sha256 for run in record.runs},
    )
    if len(record.config.engine_starts()) == 1:
        return case
    return replace(case, starts={each.name: _of_start(case, each) for each in record.starts})


def _build(logs: LoadGenLogs) -> dict[str, Value]:
    return {key: logs.detail.values.get(key) for key in BUILD}


def _of_start(case: SessionCase, start: StartRecord) -> SessionCase:
    """The session as it is for the scenarios of one start of the engine."""
    mine = [run for run in case.runs if run.scenario in start.scenarios]
    return replace(case, config=start.config, facts=start.facts, runs=mine)


@dataclass(frozen=True)
class ScenarioCase:
    """One scenario of a session."""

    session: SessionCase
    scenario: Scenario

    @property
    def runs(self) -> dict[str, RunFacts]:
        """Its runs by kind: performance, accuracy, or a compliance test's name."""
        mine = (each for each in self.session.runs if each.scenario == self.scenario.value)
        return {each.test or each.mode: each for each in mine}

    @property
    def rules(self) -> ScenarioRules | None:
        """The round's; None if the round does not have the scenario."""
        return self.session.rules_of(self.scenario)[2]

    @property
    def wanted(self) -> tuple[str, ...]:
        """The kinds of run that a submission needs; none if the round does not have it."""
        benchmark = self.session.rules_of(self.scenario)[1]
        return ("performance", "accuracy", *benchmark.compliance_tests) if benchmark else ()


def lacking(benchmark: BenchmarkRules, ran: Iterable[Scenario]) -> tuple[list[Scenario], bool]:
    """The required scenarios that are not there, and whether none of the alternatives is."""
    here = set(ran)
    missing = [each for each in benchmark.required if each not in here]
    return missing, bool(benchmark.one_of) and not set(benchmark.one_of) & here
