"""What a compliance test has to judge: the logs of its run, and how they are to be read."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sut.config.names import Scenario
from sut.errors import LogError
from sut.logs.accuracy import ACCURACY_NAME, token_type_of
from sut.logs.detail import DETAIL_NAME
from sut.machine.places import not_a_folder

LEDGER_NAME = "ledger.parquet"

# Where a submission tree keeps the logs of a compliance run, below the test's folder.
ACCURACY_PLACES = ("", "accuracy")
DETAIL_PLACES = ("", "performance/run_1", "accuracy")


@dataclass(frozen=True)
class AuditLogs:
    """The files of one compliance run.

    Attributes:
        accuracy: mlperf_log_accuracy.json, always there.
        detail: LoadGen's detail log; None where a submission left it out.
        ledger: our own record of the run; None for any other harness.
        eos_token_ids: every id that ends an answer of this model.
        max_tokens: longest answer allowed; None: not judged.
        token_type: integers of the answers, int32 or int64.
    """

    scenario: Scenario
    eos_token_ids: frozenset[int]
    accuracy: Path
    detail: Path | None = None
    ledger: Path | None = None
    max_tokens: int | None = None
    token_type: str = "int32"


def find_logs(
    directory: Path,
    scenario: Scenario,
    eos_token_ids: Collection[int],
    *,
    max_tokens: int | None = None,
    token_type: str | None = None,
) -> AuditLogs:
    """The logs in a run's folder, or in a TEST06 folder of a submission tree.

    Args:
        directory: the folder.
        scenario: of the run.
        eos_token_ids: every id that ends an answer.
        max_tokens: longest answer allowed; None: not judged.
        token_type: int32 or int64; None: as the answers show.

    Raises:
        LogError: there is no mlperf_log_accuracy.json, or two that differ.
    """
    accuracy = _first(directory, ACCURACY_PLACES, ACCURACY_NAME)
    if accuracy is None:
        raise LogError(
            not_a_folder(directory) or f"there is no {ACCURACY_NAME} in this folder.",
            where=str(directory),
            remedy="Name the folder with the logs of a compliance run.",
        )
    _refuse_another(directory, accuracy)
    return AuditLogs(
        scenario=scenario,
        eos_token_ids=frozenset(eos_token_ids),
        accuracy=accuracy,
        detail=_first(directory, DETAIL_PLACES, DETAIL_NAME),
        ledger=_first(directory, ("",), LEDGER_NAME),
        max_tokens=max_tokens,
        token_type=token_type or token_type_of(accuracy),
    )


def _refuse_another(directory: Path, accuracy: Path) -> None:
    for place in ACCURACY_PLACES:
        other = directory / place / ACCURACY_NAME
        if other.is_file() and other.read_bytes() != accuracy.read_bytes():
            raise LogError(
                f"there are two different {ACCURACY_NAME}, the other in {other.parent}.",
                where=str(directory),
                remedy="Leave the one of this run.",
            )


def _first(directory: Path, places: tuple[str, ...], name: str) -> Path | None:
    found = (directory / place / name for place in places)
    return next((path for path in found if path.is_file()), None)
