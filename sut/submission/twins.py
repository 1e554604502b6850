"""One LoadGen run in two places of a tree: each place needs a run of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from sut.config.names import Scenario
from sut.errors import LogError
from sut.logs.accuracy import ACCURACY_NAME
from sut.logs.detail import DETAIL_NAME, Value, read_detail
from sut.record.folder import sha256_of
from sut.rules.check import number
from sut.submission.accuracy_files import EVALUATION
from sut.submission.files import says_nothing
from sut.submission.findings import Finding, Severity
from sut.submission.walk import TreeEntry

# When LoadGen began and ended the run, to the millisecond; no two runs share both, whoever made
# them. Nor do two performance runs share every latency, to the nanosecond.
STAMPS = ("power_begin", "power_end")
LATENCIES = ("min", "mean", "max", "50.00_percentile", "99.00_percentile", "99.90_percentile")
OWN = "Make a run for each place."
# What LoadGen logs of no Offline query.
FIRST_TOKEN = b'"token_data"'
# Of two runs at rates that differ by more, a test draws other answers.
RATE = "requested_server_target_qps"
MOST_ALIKE = 0.1


def twins(present: Iterable[TreeEntry]) -> tuple[list[Finding], dict[Path, Path]]:
    """A finding for each copy of a run; the folders of copies, each with that of the first."""
    found: list[Finding] = []
    copied: dict[Path, Path] = {}
    runs: dict[object, tuple[TreeEntry, Path]] = {}
    scored: dict[tuple[str, str, str], tuple[TreeEntry, Path]] = {}
    entries = list(present)
    for entry in entries:
        for folder in (entry.place.performance, entry.place.accuracy):
            here = (entry, folder)
            for how, run in _marks(entry.root / folder):
                first = runs.setdefault((entry.division, how, run), here)
                if first != here and entry.root / folder not in copied:
                    found.append(_copy(entry, folder, first, how))
                    copied[entry.root / folder] = first[0].root / first[1]
        digest = _scored(entry.root / entry.place.accuracy, entry.place.submission.hash_pattern)
        if digest and entry.root / entry.place.accuracy not in copied:
            path = entry.place.accuracy / EVALUATION
            owner = (entry.division, entry.submitter)
            of_first = scored.setdefault((*owner, digest), (entry, path))
            if of_first != (entry, path):
                found.append(_same_log(entry, path, of_first[1]))
    return [*found, *_same_tests(entries)], copied


def _marks(folder: Path) -> Iterable[tuple[str, object]]:
    """What tells one LoadGen run from another, and in which words; none where no log says."""
    values = _values(folder)
    stamps = tuple(values.get(key) for key in STAMPS)
    if None not in stamps:
        yield "LoadGen's stamps", stamps
    times = tuple(values.get(f"result_{each}_latency_ns") for each in LATENCIES)
    if None not in times:
        yield "its latencies, to the nanosecond", times


def _values(folder: Path) -> Mapping[str, Value]:
    try:
        return read_detail(folder / DETAIL_NAME, allow_incomplete=True).values
    except LogError:
        return {}


def _same_tests(entries: Iterable[TreeEntry]) -> Iterable[Finding]:
    """A compliance test's log that is another scenario's, whose rate has drawn other answers."""
    seen: dict[tuple[str, str, str, str], tuple[TreeEntry, Path]] = {}
    for entry in entries:
        for test in entry.benchmark.compliance_tests if entry.benchmark else ():
            folder = entry.place.compliance(test)
            log = entry.root / folder / "accuracy" / ACCURACY_NAME
            if says_nothing(log) or log.is_symlink():
                continue
            key = (entry.division, entry.submitter, test, sha256_of(log))
            first, its = seen.setdefault(key, (entry, folder))
            one_is = Scenario.OFFLINE in (first.scenario, entry.scenario)
            if first is entry:
                continue
            if one_is and first.scenario != entry.scenario and FIRST_TOKEN in log.read_bytes():
                sentence = f"The test's log is that of {its}, and has first tokens."
                yield entry.finding(folder, sentence, f"Run {test} for each scenario.")
            elif _rates_differ(first, entry):
                sentence = f"The test's log is that of {its}, whose run had another rate."
                yield entry.finding(folder, sentence, f"Run {test} for each scenario.")


def _rates_differ(first: TreeEntry, other: TreeEntry) -> bool:
    rates = [
        number(_values(each.root / each.place.performance).get(RATE)) for each in (first, other)
    ]
    known = [each for each in rates if each]
    return len(known) == len(rates) and min(known) < (1 - MOST_ALIKE) * max(known)


def _scored(folder: Path, pattern: str) -> str | None:
    """The hash of the accuracy log that was scored; None: none, or no log is there."""
    text = folder / EVALUATION
    if says_nothing(text) or says_nothing(folder / ACCURACY_NAME):
        return None
    lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((match.group(1) for line in lines if (match := re.match(pattern, line))), None)


def _copy(entry: TreeEntry, folder: Path, of: tuple[TreeEntry, Path], how: str) -> Finding:
    first, place = of
    whose = "" if first.root == entry.root else f"{first.submitter}'s "
    return entry.finding(folder, f"This is the run of {whose}{place}, by {how}.", OWN)


def _same_log(entry: TreeEntry, path: Path, first: Path) -> Finding:
    severity: Severity = "error" if entry.closed else "warning"
    return entry.finding(path, f"The accuracy log is that of {first.parent}.", OWN, severity)
