"""Session folders → runs that a submission can be made of, each with its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sut.accuracy.evaluate import Sources
from sut.config.engine_traits import EngineTraits
from sut.config.names import Mode, Scenario
from sut.config.rounds import Round
from sut.config.schema import RunConfig
from sut.errors import ConfigError, HarnessError
from sut.machine.places import not_a_folder
from sut.plan.run_id import RunId
from sut.record.facts import RunFacts, SessionFacts, traits_of
from sut.record.folder import RunDir
from sut.record.session import RunRecord, SessionRecord, StartRecord, read_session
from sut.result.build import result_of
from sut.result.evaluated import with_evaluations
from sut.result.schema import Result, RunResult

SESSION_MARK = "session.json"


@dataclass(frozen=True)
class Session:
    """One session, judged by the rules of the submission's round, as one engine answered it."""

    record: SessionRecord
    result: Result
    start: StartRecord

    @property
    def root(self) -> Path:
        """The session's folder."""
        return self.record.folder.root

    @property
    def config(self) -> RunConfig:
        """The resolved configuration, with the engine as it was set."""
        return self.start.config

    @property
    def facts(self) -> SessionFacts:
        """session.json, or that of a later start of the engine."""
        return self.start.facts

    @property
    def traits(self) -> EngineTraits:
        """What documents say of the engine: what it told, else what its settings planned."""
        return traits_of(self.config, self.facts).over(self.config.engine.planned())

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.record.name


@dataclass(frozen=True)
class Run:
    """One LoadGen run of a session."""

    session: Session
    record: RunRecord
    result: RunResult

    @property
    def folder(self) -> RunDir:
        """Its files by name."""
        return self.record.folder

    @property
    def facts(self) -> RunFacts:
        """run.json."""
        return self.record.facts

    @property
    def id(self) -> RunId:
        """Which run of its session it is."""
        return RunId(Scenario(self.facts.scenario), Mode(self.facts.mode), self.facts.test)

    @property
    def name(self) -> str:
        """Session, scenario and kind, as they are named on disk."""
        return f"{self.session.name}/{self.facts.scenario}/{self.id.folder}"


def session_folders(paths: Sequence[Path]) -> list[Path]:
    """The session folders among `paths` and one level below them, each once.

    Raises:
        ConfigError: a path is not a session and holds none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        marks = [path / SESSION_MARK] if (path / SESSION_MARK).is_file() else []
        marks = marks or sorted(path.glob(f"*/{SESSION_MARK}"))
        if not marks:
            raise ConfigError(
                not_a_folder(path)
                or f"there is no session in this folder: {SESSION_MARK} is missing.",
                where=str(path),
                remedy="Name a run's directory, one below results/mlperf_datacenter.",
            )
        found |= {mark.parent.resolve(): None for mark in marks}
    return list(found)


def load_session(
    root: Path,
    rules: Round,
    sources: Sources | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Session, list[Run]]:
    """Judge a session by `rules`; its answers are scored again, which `say` is told.

    Raises:
        LogError: one of its files is missing or malformed.
    """
    record = with_evaluations(read_session(root), sources, say)
    result = result_of(record, rules)
    sessions = {start.file: Session(record, result, start) for start in record.starts}
    runs = [
        Run(sessions[record.of_start(each.scenario).file], each, _result_of(result, each.facts))
        for each in record.runs
    ]
    return sessions[record.starts[0].file], sorted(runs, key=lambda run: run.name)


def load_sessions(
    paths: Sequence[Path],
    rules: Round,
    sources: Sources | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[list[Run], list[str]]:
    """Every run of the sessions, and a line for each session that cannot be read.

    Raises:
        ConfigError: a path is not a session and holds none.
    """
    runs: list[Run] = []
    problems: list[str] = []
    for root in session_folders(paths):
        try:
            found = load_session(root, rules, sources, say)[1]
        except HarnessError as error:
            problems.append(f"{root.name}: {error.render()}")
            continue
        if not found:
            problems.append(f"{root.name}: the session holds no run; leave it out.")
        runs += found
    return runs, problems


def _result_of(result: Result, facts: RunFacts) -> RunResult:
    scenario, mode = Scenario(facts.scenario), Mode(facts.mode)
    if mode is Mode.PERFORMANCE:
        return result.scenarios[scenario]
    if mode is Mode.ACCURACY:
        return result.accuracy_runs[scenario]
    return result.compliance_runs[scenario][str(facts.test)]
