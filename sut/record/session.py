"""The one reader of a session's folder: every file of it by name, each read once.

Whoever judges, scores or shows a session asks here and opens nothing itself. What only some of
them need (LoadGen's logs, the ledger) is read when it is first asked for, and kept.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.errors import LogError
from sut.given_file import given_text
from sut.json_text import decoded
from sut.logs.run_logs import LoadGenLogs, read_logs
from sut.record.ending import EndingFacts
from sut.record.facts import (
    AccuracyFacts,
    RunFacts,
    SessionFacts,
    SessionOfRun,
    VerificationFacts,
)
from sut.record.folder import RunDir, SessionDir, sha256_of
from sut.record.frozen import Facts
from sut.record.ledger_file import read_ledger
from sut.record.manifest import Closed, Manifest, compare

M = TypeVar("M", bound=BaseModel)
Document = dict[str, Any]


@dataclass(frozen=True)
class RunRecord:
    """What one LoadGen run left.

    Args:
        folder: its files by name.
        place: its folder below the session's, e.g. Offline/performance.
        facts: run.json.
        document: run.json as it stands, for who quotes it.
        evaluation: what was worked out from its logs, or why that was not possible; None: not yet.
    """

    folder: RunDir
    place: str
    facts: RunFacts
    document: Document
    evaluation: AccuracyFacts | VerificationFacts | str | None = None

    @property
    def scenario(self) -> Scenario:
        """MLPerf's scenario."""
        return Scenario(self.facts.scenario)

    @property
    def kind(self) -> str:
        """performance, accuracy, or the compliance test's name."""
        return self.facts.test or self.facts.mode

    @property
    def logs(self) -> LoadGenLogs | None:
        """LoadGen's logs as far as they go; None where they cannot be read."""
        return self._logs[0]

    @property
    def logs_problem(self) -> str | None:
        """Why they cannot be read."""
        return self._logs[1]

    @cached_property
    def _logs(self) -> tuple[LoadGenLogs | None, str | None]:
        try:
            return read_logs(self.folder.root, allow_incomplete=True), None
        except LogError as error:
            # File and line only: a folder's absolute path would change the result's bytes.
            return None, f"{Path(error.where or '').name}: {error.message.rstrip('.')}"

    @cached_property
    def ledger(self) -> Any | None:
        """The ledger as a pyarrow table; None where it cannot be read."""
        with contextlib.suppress(LogError):  # the check of the ledger's rows says "not measured"
            return read_ledger(self.folder.ledger)
        return None

    @property
    def accuracy(self) -> AccuracyFacts | None:
        """The scores by the log; None where they were not worked out."""
        return self.evaluation if isinstance(self.evaluation, AccuracyFacts) else None

    @property
    def verification(self) -> VerificationFacts | None:
        """The compliance test's verdict by the logs; None where it was not worked out."""
        return self.evaluation if isinstance(self.evaluation, VerificationFacts) else None

    @property
    def evaluation_problem(self) -> str | None:
        """Why nothing could be worked out."""
        return self.evaluation if isinstance(self.evaluation, str) else None

    @cached_property
    def stated_accuracy(self) -> AccuracyFacts | None:
        """accuracy.json, which anyone can edit; None before it was written.

        Raises:
            LogError: it is malformed.
        """
        return _optional(AccuracyFacts, self.folder.accuracy)

    @cached_property
    def stated_verification(self) -> VerificationFacts | None:
        """verification.json, which anyone can edit; None before it was written.

        Raises:
            LogError: it is malformed.
        """
        return _optional(VerificationFacts, self.folder.verification)


class _Origins(Facts):
    """What config.json has beside the configuration."""

    origins: dict[str, str]


@dataclass(frozen=True)
class StartRecord:
    """One start of the engine, and what it answered.

    Args:
        scenarios: those that it answered.
        whole, origins: the session's configuration by then, and where each value was from.
        facts: SessionFacts of this start.
        file: where they stand.
        documents: the files of this start as they stand, by name.
        of_run: what each run that it answered must name as its session.
    """

    scenarios: tuple[Scenario, ...]
    whole: RunConfig
    origins: dict[str, str]
    facts: SessionFacts
    file: str
    documents: dict[str, Document]
    of_run: SessionOfRun

    @cached_property
    def config(self) -> RunConfig:
        """The configuration with the engine as it was set for these scenarios."""
        return self.whole.of(self.scenarios[0])

    @property
    def name(self) -> str:
        """For a person: the scenarios that it answered."""
        return ", ".join(self.scenarios)


@dataclass(frozen=True)
class SessionRecord:
    """What one call of the harness left.

    Args:
        folder: its files by name.
        config, origins: the resolved configuration, and where each value was from.
        facts: session.json.
        documents: config.json and session.json as they stand, by name, for who quotes them.
        runs: the LoadGen runs by their start.
        starts: each start of the engine, in their order.
    """

    folder: SessionDir
    config: RunConfig
    origins: dict[str, str]
    facts: SessionFacts
    documents: dict[str, Document]
    runs: tuple[RunRecord, ...]
    starts: tuple[StartRecord, ...]

    def of_start(self, scenario: Scenario) -> StartRecord:
        """The engine start that answered a scenario.

        Raises:
            LogError: there is none on record.
        """
        found = next((each for each in self.starts if scenario in each.scenarios), None)
        if found is None:
            raise LogError(
                f"nothing tells of the engine that answered {scenario}.",
                where=str(self.folder.root),
                remedy="Restore the file if it was lost.",
            )
        return found

    @cached_property
    def closed(self) -> Closed | None:
        """How the folder stands to its manifest; None where the session was never closed.

        Raises:
            LogError: the manifest is malformed.
        """
        found = _optional(Manifest, self.folder.manifest)
        return compare(self.folder.root, found) if found is not None else None

    @cached_property
    def ending(self) -> EndingFacts | None:
        """How it ended before its time; None where it came to its end.

        Raises:
            LogError: ending.json is malformed.
        """
        return _optional(EndingFacts, self.folder.ending)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.root.resolve().name


def session_of_run(folder: SessionDir, session_id: str | None, start: int = 1) -> SessionOfRun:
    """What a run of this session, in this start of the engine, writes down of it."""
    facts = folder.facts_of_start(start)
    return SessionOfRun(
        session_id=session_id,
        config_sha256=sha256_of(folder.config_of_start(start)),
        facts_sha256=sha256_of(facts),
        facts_file=facts.name,
    )


def read_session(root: Path) -> SessionRecord:
    """Open a session's folder.

    Raises:
        LogError: config.json, session.json or a run.json is missing or malformed.
    """
    folder = SessionDir.open(root)
    runs = [read_run(each, root) for each in folder.run_dirs()]
    starts = tuple(_starts(folder, {run.scenario for run in runs}))
    last = starts[-1]  # with all rates that were measured
    return SessionRecord(
        folder,
        last.whole,
        last.origins,
        starts[0].facts,
        {name: each for start in starts for name, each in start.documents.items()},
        # File times do not survive a copy.
        tuple(sorted(runs, key=lambda r: (r.facts.started_utc, r.facts.scenario, r.facts.mode))),
        starts,
    )


def _starts(folder: SessionDir, answered: set[Scenario]) -> Iterator[StartRecord]:
    """The first start of the engine, and each later one that was made."""
    first = as_model(RunConfig, read_document(folder.config).get("config"), folder.config)
    served = first.engine_starts()
    for number, scenarios in enumerate(served, 1):
        path = folder.facts_of_start(number)
        if number > 1 and not path.is_file() and not answered & set(scenarios):
            continue  # the session ended before it
        of_config = folder.config_of_start(number)
        config, document = read_document(of_config), read_document(path)
        whole = as_model(RunConfig, config.get("config"), of_config)
        _refuse_another(first, whole, {each for mine in served[1:] for each in mine}, of_config)
        facts = as_model(SessionFacts, document, path)
        yield StartRecord(
            scenarios,
            whole,
            _origins(config, of_config),
            facts,
            path.name,
            {of_config.name: config, path.name: document},
            session_of_run(folder, facts.session_id, number),
        )


def _origins(config: Document, path: Path) -> dict[str, str]:
    """Where each value of a configuration was from.

    Raises:
        LogError: it is no text for each key.
    """
    return as_model(_Origins, {"origins": config.get("origins", {})}, path).origins


def _refuse_another(first: RunConfig, later: RunConfig, of: set[Scenario], path: Path) -> None:
    """A later start has the first one's configuration, but for rates that were measured since.

    Raises:
        LogError: it has another one.
    """
    trees = [each.model_dump(mode="json") for each in (first, later)]
    for tree, scenario in product(trees, of):
        tree[scenario.section].pop("target_qps", None)
    if trees[0] != trees[1]:
        raise LogError(
            "it is not the configuration of config.json with the rates measured since.",
            where=str(path),
            remedy="Restore the file as the session left it.",
        )


def read_run(folder: RunDir, session_root: Path) -> RunRecord:
    """Open the folder of one LoadGen run.

    Raises:
        LogError: run.json is missing or malformed.
    """
    document = read_document(folder.run_facts)
    facts = as_model(RunFacts, document, folder.run_facts)
    place = folder.root.resolve().relative_to(session_root.resolve()).as_posix()
    return RunRecord(folder, place, facts, document)


def _optional(kind: type[M], path: Path) -> M | None:
    return as_model(kind, read_document(path), path) if path.is_file() else None


def read_document(path: Path) -> Document:
    """A JSON object that the harness wrote.

    Raises:
        LogError: the file cannot be read, or holds no JSON object.
    """
    remedy = "Name the folder of a session; restore the file if it was lost."
    try:
        document = decoded(given_text(path))
    except OSError as error:
        raise LogError(
            f"the file cannot be read: {error.strerror}.", where=str(path), remedy=remedy
        ) from error
    except ValueError as error:
        raise LogError(f"the file is not JSON: {error}.", where=str(path), remedy=remedy) from error
    if not isinstance(document, dict):
        raise LogError("the file holds no JSON object.", where=str(path), remedy=remedy)
    return document


def as_model(kind: type[M], document: Any, path: Path) -> M:
    """A document of ours in its type.

    Raises:
        LogError: naming the field that does not fit.
    """
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the object"
        raise LogError(
            f"{field}: {first['msg']} (it is {str(first['input'])[:80]!r}).",
            where=str(path),
            remedy="Build the result with the version of the harness that made the run.",
        ) from error
