"""The folder of a session, by whatever path of it a person has at hand."""

from __future__ import annotations

from pathlib import Path

from sut.errors import LogError
from sut.machine.places import not_a_folder
from sut.record.folder import SessionDir

PUBLISHED = ("mlperf_datacenter_", "summary_")
REMEDY = "Name a session's folder, one below results/mlperf_datacenter, or its result's file."


def session_folder(path: Path) -> Path:
    """The session that a folder is, that a file lies in, or that a published file is of.

    Raises:
        LogError: it is of none; of a folder of several the newest is named.
    """
    for candidate in _candidates(path):
        if SessionDir(candidate).session_facts.is_file():
            return candidate
    inside = sorted(path.glob("*/session.json"), key=lambda each: each.stat().st_mtime_ns)
    if inside:
        raise LogError(
            f"there are {len(inside)} sessions in this folder.",
            where=str(path),
            remedy=f"Name one; the newest is {inside[-1].parent}.",
        )
    missing = "there is no run in this directory: session.json is missing."
    if path.is_file():
        missing = "there is no session beside this file."
    elif (why := not_a_folder(path)) is not None:
        missing = why
    raise LogError(missing, where=str(path), remedy=REMEDY)


def _candidates(path: Path) -> list[Path]:
    """Where the session may be, the likeliest first."""
    found = [path] if path.is_dir() else []
    for prefix in PUBLISHED:
        if path.name.startswith(prefix):
            found.append(path.with_name(path.stem.removeprefix(prefix)))
    if path.exists():
        # A file of the session, or of one of its runs, or the folder of a run.
        found += list(path.absolute().parents)[:3]
    return found
