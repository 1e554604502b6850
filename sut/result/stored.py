"""A result that lies somewhere as a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from sut.errors import LogError
from sut.given_file import given_bytes
from sut.record.locate import session_folder
from sut.result.build import build
from sut.result.schema import Result


def read_result(path: Path) -> Result:
    """A result.json, ours or a stored one.

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
    """A result that was stored: a session's folder, or any file of it that was printed.

    A file of another version of the schema is made again where its session lies beside it.

    Raises:
        LogError: there is none, or it is of another version and its session is not here.
    """
    if path.is_dir():
        return build(session_folder(path))
    try:
        return read_result(path)
    except LogError as unread:
        try:
            folder = session_folder(path)
        except LogError:
            raise unread from None
        return build(folder)
