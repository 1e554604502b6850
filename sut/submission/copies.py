"""Folders that are a copy of another: told once, of the highest folder that was copied whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sut.submission.displaced import Cause, everywhere
from sut.submission.findings import Finding
from sut.submission.twins import OWN
from sut.submission.walk import TreeEntry

Parts = tuple[str, ...]


def copies(present: Iterable[TreeEntry], copied: Mapping[Path, Path]) -> Iterator[Cause]:
    """A finding for each folder of results all of whose runs are another folder's.

    Args:
        present: the tree's scenarios.
        copied: the folders of copied runs, each with that of the first.
    """
    entries = {_parts(each): each for each in present}
    first_of = {parts: _first(each, copied) for parts, each in entries.items()}
    groups: dict[tuple[Parts, Parts], list[Parts]] = {}
    for parts, first in first_of.items():
        if first is not None and first in entries:
            last = max(at for at, (a, b) in enumerate(zip(parts, first, strict=True)) if a != b)
            groups.setdefault((parts[: last + 1], first[: last + 1]), []).append(parts)
    for (here, there), members in groups.items():
        whole = all(parts in members for parts in entries if parts[: len(here)] == here)
        pairs = [(here, there)] if whole else [(each, first_of[each]) for each in members]
        for copy, first in pairs:
            assert first is not None
            yield _copy(entries[members[0]], copy, first)


def _parts(entry: TreeEntry) -> Parts:
    """The scenario's folder below the tree."""
    folder = entry.root / entry.place.performance.parents[1]
    return folder.relative_to(entry.tree).parts


def _first(entry: TreeEntry, copied: Mapping[Path, Path]) -> Parts | None:
    """The scenario of which both runs are; None where one is not, or they are of several."""
    place = entry.place
    own = entry.root / place.performance.parents[1]
    found = set()
    for run in (place.performance, place.accuracy):
        first = copied.get(entry.root / run)
        below = (entry.root / run).relative_to(own)
        if first is None or first.parts[-len(below.parts) :] != below.parts:
            return None
        found.add(first.parents[len(below.parts) - 1])
    return found.pop().relative_to(entry.tree).parts if len(found) == 1 else None


def _copy(entry: TreeEntry, here: Parts, there: Parts) -> Cause:
    place, of = "/".join(here), "/".join(there)
    finding = Finding("error", place, f"All runs in it are those of {of}.", OWN)
    if len(here) < 4:
        return Cause(finding, frozenset({place}))
    return Cause(finding, everywhere(entry.place.submission, "/".join(here[:2]), here[3:]))
