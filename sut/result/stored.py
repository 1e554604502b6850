"""A result that lies somewhere as a file."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from sut.errors import LogError
from sut.result.schema import Result


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
            f"is not a result of this version: {place}: {first['msg']}.",
            where=str(path),
            remedy="Name a mlperf_datacenter_*.json made by this version of the harness.",
        ) from error
