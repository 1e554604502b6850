"""Several things that are missing because their folder is: told once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sut.submission.findings import Finding

SUBMITTER = 2
"""Parts of the path of a submitter's folder: one that is missing is told as such."""


def missing_folders(tree: Path, found: Iterable[Finding]) -> list[Finding]:
    """The same findings, those on files of a folder that is not there as one on the folder."""
    every = list(found)
    groups: dict[str, list[Finding]] = {}
    for each in every:
        if each.severity == "error" and (folder := _missing(tree, each.place)):
            groups.setdefault(folder, []).append(each)
    made = {folder: _one(folder, members) for folder, members in groups.items() if members[1:]}
    instead = {each: made[folder] for folder in made for each in groups[folder]}
    return list(dict.fromkeys(instead.get(each, each) for each in every))


def _missing(tree: Path, place: str) -> str | None:
    """The highest folder above a place that is not there."""
    parts = Path(place).parts
    above = ["/".join(parts[:end]) for end in range(SUBMITTER + 1, len(parts))]
    return next((each for each in above if not (tree / each).exists()), None)


def _one(folder: str, members: list[Finding]) -> Finding:
    listed = ", ".join(each.place.removeprefix(f"{folder}/") for each in members)
    return Finding("error", folder, f"The folder is missing, and with it {listed}.", "Add it.")
