"""The nodes' sessions on the control node: unpacked beside its own, and the sum's file."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from sut.config.names import Scenario
from sut.errors import LogError
from sut.new_file import new_file
from sut.record.facts import RunFacts
from sut.record.folder import SessionDir, stamp_of, write_atomic
from sut.report.summary import summary_text
from sut.result.aggregate import Start
from sut.result.aggregated_schema import AGGREGATED_NAME
from sut.result.build import build, result_json
from sut.result.rebuilt import contradictions
from sut.result.schema import Result
from sut.result.stored import Stored, read_result

PERFORMANCE = "performance"
# What a node wrote itself and its own files do not give is kept under this mark.
OF_NODE = "_of_node"
PUBLISHED = "mlperf_datacenter_"
SESSION_MARK = "session.json"


@dataclass(frozen=True)
class Built:
    """What a session's files give.

    Attributes:
        result: None where they give none.
        contradictions: what a result that somebody wrote of them says otherwise.
        problem: why they give none.
    """

    result: Result | None
    contradictions: Sequence[str] = ()
    problem: str | None = None


def keep(archive: bytes, results_dir: Path) -> SessionDir:
    """Unpack a node's session under the results directory, as if it had been run here.

    A name that is taken gets a number: the session knows its own time by now.

    Raises:
        LogError: the archive is broken, or holds something else than one session.
    """
    results_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=results_dir, prefix=".incoming-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise LogError(f"a node's session came back broken: {error}.") from error
        found = list(Path(folder).iterdir())
        if len(found) != 1 or not found[0].is_dir():
            raise LogError(
                f"a node's session came back broken: it holds {len(found)} entries, not one folder."
            )
        target = results_dir / found[0].name
        number = 0
        while target.exists():
            number += 1
            target = results_dir / f"{found[0].name}-{number}"
        found[0].rename(target)
    return SessionDir.open(target)


def build_session(session: SessionDir) -> Built:
    """Build the session's result here, and publish it.

    The node's own result decides nothing: a figure of it that its files do not give is told. Its
    file is then kept beside the one built here.
    """
    try:
        result = build(session.root)
    except LogError as error:
        return Built(None, problem=error.render())
    except Exception as error:  # noqa: BLE001 - whatever a broken file does, the others count
        return Built(None, problem=f"{type(error).__name__}: {error}")
    against = _against_own(session.result, result)
    text = result_json(result)
    if not session.result.is_file() or session.result.read_bytes() != text.encode():
        for path in (session.result, session.summary):
            if against and path.is_file():
                path.rename(path.with_stem(path.stem + OF_NODE))
            path.unlink(missing_ok=True)
        write_atomic(session.result, text)
    if not session.summary.is_file():
        write_atomic(session.summary, summary_text(result))
    session.publish()
    return Built(result, against)


def _against_own(path: Path, built: Result) -> list[str]:
    """What the result that a node wrote says otherwise; a node that was ended wrote none."""
    if not path.is_file():
        return []
    try:
        return contradictions(read_result(path), built)
    except LogError as error:
        return [f"its own {path.name} {error.message.rstrip('.')}"]


def read_stored(path: Path) -> Stored:
    """A stored result, held against its session where that lies beside it.

    Raises:
        LogError: no such file, no result of this version, a session that gives none, or another.
    """
    stated = read_result(path)
    session = _session_beside(path)
    if session is None:
        return Stored(stated, built=False)
    built = build(session)
    against = contradictions(stated, built)
    if against:
        raise LogError(
            f"{against[0]} in {session.name}.",
            where=str(path),
            remedy="Name the file as the run left it, or measure with --baseline.",
        )
    return Stored(built, built=True)


def _session_beside(path: Path) -> Path | None:
    """The folder that a result is of: its own, or the one its published name tells."""
    beside = path.parent / path.stem.removeprefix(PUBLISHED)
    for folder in (path.parent, beside):
        if (folder / SESSION_MARK).is_file():
            return folder
    return None


def first_query(
    session: SessionDir, scenario: Scenario, offset_ns: int, error_ns: int
) -> Start | None:
    """When the scenario's first query was issued, on the control node's clock."""
    path = session.run_dir(scenario.value, PERFORMANCE).run_facts
    try:
        facts = RunFacts.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        return None
    first_ns = facts.ledger.first_issue_ns
    return None if first_ns is None else Start(first_ns - offset_ns, error_ns)


def write_aggregated(results_dir: Path, text: str) -> Path:
    """Write the sum under the name that users look for; an earlier one keeps its own.

    The earlier file's time goes into its name. A reader always finds a whole file.
    """
    path = results_dir / AGGREGATED_NAME
    results_dir.mkdir(parents=True, exist_ok=True)
    if path.exists():
        stamp = stamp_of(datetime.fromtimestamp(path.stat().st_mtime, UTC))
        earlier = path.with_name(f"{path.stem}_{stamp}{path.suffix}")
        number = 0
        while earlier.exists():
            number += 1
            earlier = path.with_name(f"{path.stem}_{stamp}-{number}{path.suffix}")
        with new_file(earlier) as stream:
            stream.write(path.read_bytes())
    with tempfile.TemporaryDirectory(dir=results_dir, prefix=".aggregated-") as folder:
        fresh = Path(folder) / AGGREGATED_NAME
        write_atomic(fresh, text)
        fresh.replace(path)
    return path
