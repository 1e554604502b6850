"""One LoadGen run in two places of a tree: each place needs a run of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sut.errors import LogError
from sut.logs.accuracy import ACCURACY_NAME
from sut.logs.detail import DETAIL_NAME, read_detail
from sut.submission.accuracy_files import EVALUATION
from sut.submission.files import says_nothing
from sut.submission.findings import Finding, Severity
from sut.submission.walk import TreeEntry

# When LoadGen began and ended the run, to the millisecond; no two runs share both.
STAMPS = ("power_begin", "power_end")
OWN = "Make a run for each place."


def twins(present: Iterable[TreeEntry]) -> tuple[list[Finding], dict[Path, Path]]:
    """A finding for each copy of a run; the folders of copies, each with that of the first."""
    found: list[Finding] = []
    copied: dict[Path, Path] = {}
    runs: dict[tuple[str, str, object], tuple[TreeEntry, Path]] = {}
    scored: dict[tuple[str, str, str], tuple[TreeEntry, Path]] = {}
    for entry in present:
        owner = (entry.division, entry.submitter)
        for folder in (entry.place.performance, entry.place.accuracy):
            run = _run(entry.root / folder)
            first = runs.setdefault((*owner, run), (entry, folder)) if run else (entry, folder)
            if first != (entry, folder):
                found.append(_copy(entry, folder, first[1]))
                copied[entry.root / folder] = first[0].root / first[1]
        digest = _scored(entry.root / entry.place.accuracy, entry.place.submission.hash_pattern)
        if digest and entry.root / entry.place.accuracy not in copied:
            path = entry.place.accuracy / EVALUATION
            first = scored.setdefault((*owner, digest), (entry, path))
            if first != (entry, path):
                found.append(_same_log(entry, path, first[1]))
    return found, copied


def _run(folder: Path) -> object | None:
    """What tells one LoadGen run from another; None: no log says."""
    try:
        values = read_detail(folder / DETAIL_NAME, allow_incomplete=True).values
    except LogError:
        return None
    stamps = tuple(values.get(key) for key in STAMPS)
    return None if None in stamps else stamps


def _scored(folder: Path, pattern: str) -> str | None:
    """The hash of the accuracy log that was scored; None: none, or no log is there."""
    text = folder / EVALUATION
    if says_nothing(text) or says_nothing(folder / ACCURACY_NAME):
        return None
    lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((match.group(1) for line in lines if (match := re.match(pattern, line))), None)


def _copy(entry: TreeEntry, folder: Path, first: Path) -> Finding:
    return entry.finding(folder, f"This is the run of {first}, by LoadGen's stamps.", OWN)


def _same_log(entry: TreeEntry, path: Path, first: Path) -> Finding:
    severity: Severity = "error" if entry.closed else "warning"
    return entry.finding(path, f"The accuracy log is that of {first.parent}.", OWN, severity)
