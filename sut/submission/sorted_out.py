"""The scenarios of a tree that can be judged, and what is wrong with the folders of the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sut.config.rounds import Round
from sut.given_file import given_text
from sut.submission.copies import copies
from sut.submission.displaced import Cause, displaced
from sut.submission.files import json_object
from sut.submission.findings import Finding
from sut.submission.misfits import Logs, misfits
from sut.submission.renamed import renamed
from sut.submission.structure import DIVISIONS
from sut.submission.twins import twins
from sut.submission.walk import TreeEntry


@dataclass(frozen=True)
class SortedOut:
    """What is left to judge."""

    judged: list[TreeEntry]
    causes: list[Cause]
    twice: list[Finding]
    """One for each single run that lies in two places."""
    copied: dict[Path, Path]
    """The folders of these, each with that of the first."""


def sort_out(tree: Path, rules: Round, every: Iterable[TreeEntry]) -> SortedOut:
    """Folders that are displaced, copied, another's or renamed, in this order of cause."""
    causes: list[Cause] = []
    _add(causes, displaced(tree, rules))
    left = [each for each in every if not _explained(causes, each)]
    ours = [each for each in left if not each.foreign]
    logs: Logs = {}
    twice, copied = twins(sorted(ours, key=_doubt(list(misfits(ours, logs)))))
    _add(causes, copies(ours, copied))
    _add(causes, misfits((each for each in ours if not _explained(causes, each)), logs))
    _add(causes, renamed(tree, rules))
    judged = [each for each in left if not _explained(causes, each)]
    of_judged = {
        each.root / path
        for each in judged
        for path in (each.place.performance, each.place.accuracy)
    }
    copied = {run: first for run, first in copied.items() if run in of_judged}
    return SortedOut(judged, causes, twice, copied)


def causes_only(found: Iterable[Finding], causes: list[Cause]) -> Iterator[Finding]:
    """The causes, and what does not follow from one."""
    yield from (each.finding for each in causes)
    for each in found:
        top, _, below = each.place.partition("/")
        if not (below and top not in DIVISIONS) and not _any(causes, each.place):
            yield each


def _add(causes: list[Cause], more: Iterable[Cause]) -> None:
    """Those that follow from no earlier one."""
    for each in more:
        if not _any(causes, each.finding.place):
            causes.append(each)


def _any(causes: Iterable[Cause], place: str) -> bool:
    return any(each.explains(place) for each in causes)


def _explained(causes: Iterable[Cause], entry: TreeEntry) -> bool:
    return _any(causes, entry.finding(entry.place.performance.parents[1], "", "").place)


def _doubt(alien: list[Cause]) -> Callable[[TreeEntry], tuple[bool, ...]]:
    """Of two folders with one run, which is rather the copy: what less belongs to it."""

    def key(entry: TreeEntry) -> tuple[bool, ...]:
        return (
            entry.rules is None,
            _explained(alien, entry),
            not (entry.root / entry.place.system_file).is_file(),
            not (entry.root / entry.place.measurements).is_dir(),
            not _named_in_system_file(entry),
        )

    return key


def _named_in_system_file(entry: TreeEntry) -> bool:
    """Whether the description of the system names the submitter whose folder it is in."""
    with suppress(OSError, ValueError):
        text = given_text(entry.root / entry.place.system_file)
        return bool(json_object(text).get("submitter") == entry.submitter)
    return False
