"""A model's path: a folder here, a hub's id, or neither; and what its config.json says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sut.config.shipped import CONF_ROOT
from sut.given_file import given_text
from sut.json_text import decoded
from sut.machine.places import expanded

DESCRIPTION = "config.json"

# Beginnings that no hub's id has.
_PATHS = ("models/", ".", "/", "~")


def local_folder(path: str) -> Path | None:
    """The folder that holds the model's config.json: as given, else beside the project."""
    for folder in (expanded(Path(path)), CONF_ROOT.parent / path):
        if (folder / DESCRIPTION).is_file():
            return folder
    return None


def looks_like_hub_id(path: str) -> bool:
    """Whether a path may be `owner/name` on the hub."""
    return path.count("/") == 1 and not path.startswith(_PATHS)


def described(folder: Path) -> dict[str, Any] | None:
    """What a folder's config.json says; None if it is not a JSON object or cannot be read."""
    try:
        value = decoded(given_text(folder / DESCRIPTION))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None
