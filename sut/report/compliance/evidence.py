"""What the compliance report's rows rest on: a session's files, each value with its place."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from sut.config.rounds import BenchmarkRules, Round, ScenarioRules, load_round
from sut.config.schema import RunConfig, Scenario
from sut.errors import LogError
from sut.logs.detail import DETAIL_NAME, MAX_KEYS, MAX_LINE_BYTES, Value
from sut.logs.run_logs import LoadGenLogs, read_logs
from sut.record.facts import AccuracyFacts, RunFacts, SessionFacts, VerificationFacts
from sut.record.folder import ScenarioDir, SessionDir
from sut.record.ledger_file import read_ledger
from sut.report.compliance.rows import Proof, Subject
from sut.result.build import build
from sut.result.schema import Result
from sut.rules.case import RunCase, run_case
from sut.rules.demands import round_demands
from sut.rules.evidence import Evidence

M = TypeVar("M", bound=BaseModel)

MAX_TEXT = 160
PERFORMANCE, ACCURACY, COMPLIANCE = "performance", "accuracy", "compliance"
CONFIG, SESSION, RUN = "config.json", "session.json", "run.json"
ACCURACY_FILE, VERIFICATION_FILE = "accuracy.json", "verification.json"

# The head of a line is enough to find a key; what a line means, `sut.logs.run_logs` has read.
_KEY = re.compile(rb':::MLLOG \{"key": "([^"]+)"')
_PID = re.compile(rb'"pid": (\d+)')


def cut(text: str) -> str:
    """A text as it is quoted: on one line, at most MAX_TEXT characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_TEXT else f"{flat[: MAX_TEXT - 3]}..."


@dataclass
class LogIndex:
    """Where in a detail log each key stands first, and who wrote it."""

    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    text_at: dict[int, str] = field(default_factory=dict)
    process_ids: set[int] = field(default_factory=set)
    starts: int = 0
    """How often LoadGen began to write: once for each run in this file."""


def index_log(path: Path, wanted_lines: Iterable[int]) -> LogIndex:
    """Read a detail log once for its line numbers; `wanted_lines` are quoted as well."""
    found, wanted = LogIndex(), frozenset(wanted_lines)
    with path.open("rb") as stream:
        number = 0
        while raw := stream.readline(MAX_LINE_BYTES):
            number += 1
            if number in wanted:
                found.text_at[number] = _quoted(raw)
            if (pid := _PID.search(raw[-400:])) is not None:
                found.process_ids.add(int(pid[1]))
            match = _KEY.match(raw)
            if match is None:
                continue
            key = match[1].decode("utf-8", "replace")
            found.starts += key == "loadgen_version"
            if key not in found.first and len(found.first) < MAX_KEYS:
                found.first[key] = (number, _quoted(raw))
    return found


def _quoted(raw: bytes) -> str:
    """Key and value of a line; its stamp and its place in LoadGen's source prove nothing."""
    head = raw[: 4 * MAX_TEXT].decode("utf-8", "replace").partition(', "time_ms"')
    return cut(f"{head[0]}, ..." if head[1] else head[0])


@dataclass(frozen=True)
class RunView:
    """One LoadGen run with everything it left."""

    subject: Subject
    place: str
    """Its folder below the session's, e.g. Offline/performance."""
    folder: ScenarioDir
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

    def fact(self, file: str, *keys: str) -> Proof:
        """A value of config.json or session.json."""
        return value_at(self.documents[file], file, *keys)

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
    """Read a session's folder.

    Raises:
        LogError: a file that the harness writes is missing or malformed.
        ConfigError: the round that the configuration names, or its benchmark, is unknown.
    """
    result = build(root, round_)
    directory = SessionDir.open(root)
    documents = {CONFIG: _document(directory.config), SESSION: _document(directory.session_facts)}
    config = RunConfig.model_validate(documents[CONFIG]["config"])
    rules = round_ or load_round(config.round)
    session = SessionFacts.model_validate(documents[SESSION])
    runs = [_open_run(folder, root, config, session, rules) for folder in directory.scenario_dirs()]
    order = list(Scenario)
    kinds = (PERFORMANCE, ACCURACY)
    runs.sort(key=lambda r: (order.index(r.scenario), r.kind not in kinds, r.kind != PERFORMANCE))
    return SessionView(
        Subject("session", rules),
        root,
        config,
        session,
        documents,
        result,
        rules,
        tuple(runs),
    )


def _open_run(
    folder: ScenarioDir, root: Path, config: RunConfig, session: SessionFacts, round_: Round
) -> RunView:
    document = _document(folder.run_facts)
    run = RunFacts.model_validate(document)
    _, benchmark, rules = round_.scenario_rules(config.model.benchmark, Scenario(run.scenario))
    logs, problem, index, ledger = None, None, LogIndex(), None
    try:
        logs = read_logs(folder.root, allow_incomplete=True)
        groups = (*logs.errors, *logs.warnings)
        index = index_log(folder.root / DETAIL_NAME, (group.first_line for group in groups))
    except LogError as error:
        # File and line only: a folder's absolute path would change the report's bytes.
        problem = f"{Path(error.where or '').name}: {error.message.rstrip('.')}"
    with contextlib.suppress(LogError):
        ledger = read_ledger(folder.ledger)
    accuracy = _optional(AccuracyFacts, folder.root / ACCURACY_FILE)
    verification = _optional(VerificationFacts, folder.root / VERIFICATION_FILE)
    evidence = Evidence(
        config,
        session,
        run,
        folder.root,
        logs,
        problem,
        ledger,
        round_,
        accuracy,
        verification,
    )
    demands = round_demands(
        round_, benchmark, rules, run.expected_settings, own_model=config.model.official
    )
    return RunView(
        Subject(f"{run.scenario} {run.test or run.mode}", round_),
        folder.root.relative_to(root).as_posix(),
        folder,
        run,
        document,
        logs,
        problem,
        index,
        ledger,
        benchmark,
        rules,
        accuracy,
        verification,
        run_case(evidence, demands),
    )


def _optional(kind: type[M], path: Path) -> M | None:
    return kind.model_validate(_document(path)) if path.is_file() else None


def _document(path: Path) -> dict[str, Any]:
    """A JSON file that `build` has read and found whole just before."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document
