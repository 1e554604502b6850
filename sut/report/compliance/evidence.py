"""What the compliance report's rows rest on: a session's files, each value with its place."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sut.config.names import Scenario
from sut.config.rounds import BenchmarkRules, Round, ScenarioRules, load_round
from sut.config.schema import RunConfig
from sut.logs.detail import DETAIL_NAME, LogIndex, Value, cut
from sut.logs.run_logs import LoadGenLogs
from sut.record.facts import AccuracyFacts, RunFacts, SessionFacts, VerificationFacts
from sut.record.folder import RunDir
from sut.record.session import RunRecord, SessionRecord, read_session
from sut.report.compliance.rows import Proof, Subject
from sut.result.build import result_of
from sut.result.evaluated import with_evaluations
from sut.result.schema import Result
from sut.rules.case import RunCase, run_case
from sut.rules.demands import round_demands
from sut.rules.evidence import evidence_of
from sut.rules.planned import planned_settings
from sut.rules.session_case import SessionCase, session_case

PERFORMANCE, ACCURACY, COMPLIANCE = "performance", "accuracy", "compliance"
CONFIG, SESSION, RUN = "config.json", "session.json", "run.json"
ACCURACY_FILE, VERIFICATION_FILE = "accuracy.json", "verification.json"


@dataclass(frozen=True)
class RunView:
    """One LoadGen run with everything it left."""

    subject: Subject
    place: str
    """Its folder below the session's, e.g. Offline/performance."""
    folder: RunDir
    run: RunFacts
    document: dict[str, Any]
    logs: LoadGenLogs | None
    logs_problem: str | None
    index: LogIndex
    ledger: Any | None
    benchmark: BenchmarkRules
    rules: ScenarioRules
    accuracy: AccuracyFacts | None
    verification: VerificationFacts | None
    case: RunCase
    """What the rules of the catalogue judge, held to the round's own demands."""

    @property
    def scenario(self) -> Scenario:
        return Scenario(self.run.scenario)

    @property
    def kind(self) -> str:
        """performance, accuracy, or the test's name."""
        return self.run.test or self.run.mode

    @property
    def problem(self) -> str | None:
        """Why its logs say nothing, if so."""
        return self.logs_problem or (self.logs.incomplete if self.logs else None)

    def logged(self, key: str) -> Value:
        """The first value of a key in the detail log."""
        return self.logs.detail.values.get(key) if self.logs else None

    def log(self, *keys: str) -> list[Proof]:
        """The lines of the detail log that hold these keys; a key that is absent has none."""
        return [self.line(*self.index.first[key]) for key in keys if key in self.index.first]

    def line(self, number: int, text: str) -> Proof:
        """One line of the detail log."""
        return Proof(file=f"{self.place}/{DETAIL_NAME}", line=number, path=None, text=text)

    def no_line(self, what: str) -> list[Proof]:
        """That no line of a whole detail log says something."""
        if self.logs is None:
            return []
        text = f"none of the {self.logs.detail.lines} lines {what}"
        return [self.file(DETAIL_NAME, text)]

    def file(self, name: str, text: str) -> Proof:
        """What a whole file says."""
        return Proof(file=f"{self.place}/{name}", line=None, path=None, text=cut(text))

    def proof(self, key: str) -> list[Proof]:
        """Where a key of a Check stands: a line of the log, or a value below <file>/."""
        file, _, path = key.partition("/")
        if not path:
            return self.log(key)
        if file == RUN:
            return [self.fact(*path.split("/"))]
        facts = self.accuracy if file == ACCURACY_FILE else self.verification
        return [value_proof(f"{self.place}/{file}", f"$.{path}", getattr(facts, path, None))]

    def fact(self, *keys: str) -> Proof:
        """A value of run.json."""
        return value_at(self.document, f"{self.place}/{RUN}", *keys)


@dataclass(frozen=True)
class SessionView:
    """One session."""

    subject: Subject
    root: Path
    config: RunConfig
    session: SessionFacts
    documents: dict[str, dict[str, Any]]
    result: Result
    round: Round
    runs: tuple[RunView, ...]
    case: SessionCase
    """What the rules on a session judge."""
    facts_file: str = SESSION
    """Where `session` stands."""
    starts: Mapping[str, SessionView] = field(default_factory=dict)
    """The session as each of several engines answered it, by the names of their scenarios."""

    def fact(self, file: str, *keys: str) -> Proof:
        """A value of config.json or session.json."""
        name = self.facts_file if file == SESSION else file
        return value_at(self.documents[name], name, *keys)

    def with_engine_of(self, scenario: Scenario) -> SessionView:
        """The session as the engine of one scenario answered it."""
        mine = (view for view in self.starts.values() if view.case is self.case.of(scenario))
        return next(mine, self)

    def of(self, scenario: Scenario) -> dict[str, RunView]:
        """The runs of one scenario by kind."""
        return {each.kind: each for each in self.runs if each.scenario is scenario}


def value_at(document: Any, file: str, *keys: str) -> Proof:
    """The place of a value in a JSON document and the value; `absent` if it is not there."""
    value, known = document, True
    for key in keys:
        known = known and isinstance(value, dict) and key in value
        value = value[key] if known else None
    path = "".join(f".{key}" if key.isidentifier() else f'["{key}"]' for key in keys)
    return value_proof(file, f"${path}", value) if known else absent(file, f"${path}")


def value_proof(file: str, path: str, value: Any) -> Proof:
    """A value as it stands in a JSON file."""
    return Proof(file=file, line=None, path=path, text=cut(json.dumps(value)))


def absent(file: str, path: str) -> Proof:
    """A value that is not there."""
    return Proof(file=file, line=None, path=path, text="absent")


def open_session(root: Path, round_: Round | None = None) -> SessionView:
    """Read a session's folder, judge it, and keep the place of every value.

    Raises:
        LogError: a file that the harness writes is missing or malformed.
        ConfigError: the round that the configuration names, or its benchmark, is unknown.
    """
    record = with_evaluations(read_session(root))
    return view_of(record, result_of(record, round_), round_)


def view_of(record: SessionRecord, result: Result, round_: Round | None = None) -> SessionView:
    """`open_session`, of a session that was read and judged already."""
    rules = round_ or load_round(record.config.round)
    runs = [_run_view(run, record, rules) for run in record.runs]
    order = list(Scenario)
    kinds = (PERFORMANCE, ACCURACY)
    runs.sort(key=lambda r: (order.index(r.scenario), r.kind not in kinds, r.kind != PERFORMANCE))
    view = SessionView(
        Subject("session", rules),
        record.folder.root,
        record.config,
        record.facts,
        record.documents,
        result,
        rules,
        tuple(runs),
        session_case(record, rules),
    )
    starts = {
        each.name: replace(
            view,
            subject=Subject(f"engine of {each.name}", rules),
            config=each.config,
            session=each.facts,
            case=view.case.starts[each.name],
            facts_file=each.file,
            runs=tuple(run for run in runs if run.scenario in each.scenarios),
        )
        for each in record.starts
        if view.case.starts
    }
    return replace(view, starts=starts)


def _run_view(record: RunRecord, session: SessionRecord, round_: Round) -> RunView:
    config = session.config
    _, benchmark, rules = round_.scenario_rules(config.model.benchmark, record.scenario)
    evidence = evidence_of(session, record, round_)
    demands = round_demands(
        round_, benchmark, rules, planned_settings(evidence), own_model=config.model.official
    )
    return RunView(
        Subject(f"{record.facts.scenario} {record.kind}", round_),
        record.place,
        record.folder,
        record.facts,
        record.document,
        record.logs,
        record.logs_problem,
        record.logs.detail.index if record.logs else LogIndex(),
        record.ledger,
        benchmark,
        rules,
        record.accuracy,
        record.verification,
        run_case(evidence, demands),
    )
