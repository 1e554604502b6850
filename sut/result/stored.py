"""A result that lies somewhere as a file.

Anyone can edit it. Where its session lies beside it, the session's files give the result, and a
file that says another verdict or another figure is refused. A file alone is only what it states;
one whose figures contradict each other is not even that.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sut.errors import LogError
from sut.given_file import given_bytes
from sut.record.locate import session_folder
from sut.record.session import read_session
from sut.result.build import build, result_of
from sut.result.coherent import incoherent
from sut.result.rebuilt import contradictions
from sut.result.schema import Result

OF_A_RUN = (
    r"scenarios\.\w+\.(valid|achieved_qps|throughput_tokens_per_sec|latency_p99|accuracy"
    r"|energy_per_token_j|tokens_in|tokens_out|mean_output_tokens"
    r"|(latency|ttft|tpot)(\.\w+)?|queries\.\w+)"
)
"""Verdict and figures of a performance run: what another version of the harness gives alike."""
FIGURES = re.compile(OF_A_RUN)
VERDICT_AND_FIGURES = re.compile(f"valid|{OF_A_RUN}")


@dataclass(frozen=True)
class Stored:
    """An earlier result.

    Attributes:
        result: as its session's files give it; where there are none, as the file states it.
        built: whether there are any.
    """

    result: Result
    built: bool


def read_result(path: Path) -> Result:
    """What a result.json states, ours or a stored one.

    Raises:
        LogError: no such file, or no result of this version.
    """
    try:
        return Result.model_validate_json(given_bytes(path))
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise LogError(
            f"is not a result of this version: {place}: {first['msg']}.",
            where=str(path),
            remedy="Name a mlperf_datacenter_*.json made by this version of the harness.",
        ) from error


def load_result(path: Path) -> Result:
    """`load_stored`, whoever vouches for it."""
    return load_stored(path).result


def load_stored(path: Path, *, evaluated: bool = True) -> Stored:
    """A result that was stored: a session's folder, or any file of it that was printed.

    Args:
        path: of either. What a file says is held against its session, where that is here.
        evaluated: whether accuracy and compliance runs are judged as well, which takes long;
            without it the session's verdict is not to be used.

    Raises:
        LogError: there is none; it is of another version and its session is not here; or it says
            otherwise than its session's files, or than itself.
    """
    if path.is_dir():
        return Stored(_made(session_folder(path), evaluated=evaluated), built=True)
    folder = _session_beside(path)
    if folder is None:
        return Stored(_coherent(read_result(path), path), built=False)
    built = _made(folder, evaluated=evaluated)
    try:
        stated = read_result(path)
    except LogError:  # of another version: what the session gives now is the result
        return Stored(built, built=True)
    held = VERDICT_AND_FIGURES if evaluated else FIGURES
    if against := contradictions(stated, built, held):
        raise LogError(
            f"{against[0]}.",
            where=str(path),
            remedy=f"Restore the file, or name the session: {folder}.",
        )
    return Stored(built, built=True)


def _session_beside(path: Path) -> Path | None:
    """The session that a file of a result is of, where that is here."""
    try:
        return session_folder(path)
    except LogError:
        return None


def _made(folder: Path, *, evaluated: bool) -> Result:
    return build(folder) if evaluated else result_of(read_session(folder))


def _coherent(stated: Result, path: Path) -> Result:
    if wrong := incoherent(stated):
        raise LogError(
            f"it contradicts itself: {wrong}.",
            where=str(path),
            remedy="Restore the file as the run left it.",
        )
    return stated
