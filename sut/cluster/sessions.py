"""The nodes' sessions on the control node: unpacked beside its own, and the sum's file."""

from __future__ import annotations

import io
import tarfile
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from sut.config.schema import Scenario
from sut.errors import LogError
from sut.report.summary import summary_text
from sut.result.aggregate import Start
from sut.result.aggregated import AGGREGATED_NAME
from sut.result.build import build, result_json
from sut.result.facts import RunFacts
from sut.result.schema import Result
from sut.rundir import SessionDir, write_atomic

PERFORMANCE = "performance"


def keep(archive: bytes, results_dir: Path) -> SessionDir:
    """Unpack a node's session under the results directory, as if it had been run here.

    A name that is taken gets a number, as a second session of one second does; the result,
    which names its files' paths, is then built again.

    Raises:
        LogError: the archive is broken.
    """
    results_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=results_dir, prefix=".incoming-") as folder:
        try:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(folder, filter="data")
        except tarfile.TarError as error:
            raise LogError(f"a node's session came back broken: {error}.") from error
        (unpacked,) = Path(folder).iterdir()
        target = results_dir / unpacked.name
        number = 0
        while target.exists():
            number += 1
            target = results_dir / f"{unpacked.name}-{number}"
        unpacked.rename(target)
    session = SessionDir.open(target)
    if number:
        session.result.unlink(missing_ok=True)
        session.summary.unlink(missing_ok=True)
    return session


def read_session(session: SessionDir) -> Result | None:
    """The session's result, published; built here where the node did not come to it.

    None where there is too little to build one from.
    """
    if not session.result.is_file():
        try:
            result = build(session.root)
        except LogError:
            return None
        write_atomic(session.result, result_json(result))
        with suppress(FileExistsError):
            write_atomic(session.summary, summary_text(result))
    session.publish()
    return read_result(session.result)


def read_result(path: Path) -> Result:
    """A result.json, ours or a stored one.

    Raises:
        LogError: no such file, or no result of this version.
    """
    try:
        return Result.model_validate_json(path.read_bytes())
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LogError(
            f"is no result of this version: {place}: {first['msg']}.",
            where=str(path),
            remedy="Name a mlperf_datacenter_*.json made by this version of the harness.",
        ) from error


def first_query(
    session: SessionDir, scenario: Scenario, offset_ns: int, error_ns: int
) -> Start | None:
    """When the scenario's first query was issued, on the control node's clock."""
    path = session.scenario(scenario.value, PERFORMANCE).run_facts
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
        stamp = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y%m%dT%H%M%SZ")
        earlier = path.with_name(f"{path.stem}_{stamp}{path.suffix}")
        number = 0
        while earlier.exists():
            number += 1
            earlier = path.with_name(f"{path.stem}_{stamp}-{number}{path.suffix}")
        earlier.hardlink_to(path)
    with tempfile.TemporaryDirectory(dir=results_dir, prefix=".aggregated-") as folder:
        fresh = Path(folder) / AGGREGATED_NAME
        write_atomic(fresh, text)
        fresh.replace(path)
    return path
