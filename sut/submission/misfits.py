"""LoadGen runs that lie in the folder of another scenario or benchmark, by what their logs say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from sut.errors import LogError
from sut.logs.detail import DETAIL_NAME, DetailLog, read_detail
from sut.submission.displaced import Cause, everywhere
from sut.submission.walk import TreeEntry

NS_PER_MS = 1_000_000
KINDS = {"PerformanceOnly": "performance", "AccuracyOnly": "accuracy"}
COUNT = "qsl_reported_total_count"
Logs = dict[Path, DetailLog | None]
Home = tuple[str, str]
"""The scenario and the kind of a run: the folder that it belongs into."""
Homes = list[tuple[TreeEntry, dict[str, Home | None]]]
"""Scenarios; of each run that has a log, by its kind, the home, or None where it is not plain."""


def misfits(present: Iterable[TreeEntry], logs: Logs) -> Iterator[Cause]:
    """One finding for each folder whose runs are all of another, and for runs that were swapped.

    Args:
        present: the scenarios to look at.
        logs: those that were read already, by their folder; what is read is added.
    """
    groups: dict[Path, list[TreeEntry]] = {}
    for entry in present:
        groups.setdefault(_folder(entry).parent, []).append(entry)
    for folder, members in groups.items():
        other = _other_benchmark(members, logs)
        if other is not None:
            sentence, sources = f"The logs are of {other}.", _sources(members[0], other)
            also = folder.with_name(other)
            more = () if (members[0].tree / also).exists() else (also,)
            its = _cause(members[0], folder, sentence, f"Call it {other}.", *more)
            yield Cause(its.finding, its.hides | sources)
            continue
        homes = [(each, _homes(each, logs)) for each in members if each.benchmark is not None]
        yield from _swapped(folder, homes) or _alien(homes)


def _folder(entry: TreeEntry) -> Path:
    """The folder of a scenario, below the tree."""
    return entry.root.relative_to(entry.tree) / entry.place.performance.parents[1]


def _runs(entry: TreeEntry) -> dict[str, Path]:
    return {"performance": entry.place.performance, "accuracy": entry.place.accuracy}


def _log(path: Path, logs: Logs) -> DetailLog | None:
    if path not in logs:
        logs[path] = None
        with suppress(LogError):
            logs[path] = read_detail(path / DETAIL_NAME, allow_incomplete=True)
    return logs[path]


def _homes(entry: TreeEntry, logs: Logs) -> dict[str, Home | None]:
    """Each run that has a log, by its kind: where it belongs; None where that is not plain."""
    found = {kind: _log(entry.root / path, logs) for kind, path in _runs(entry).items()}
    return {kind: _home(entry, log) for kind, log in found.items() if log is not None}


def _home(entry: TreeEntry, log: DetailLog) -> Home | None:
    assert entry.benchmark is not None
    values = log.values
    kind = KINDS.get(str(values.get("effective_test_mode")))
    fitting = [
        scenario
        for scenario, rules in entry.benchmark.scenarios.items()
        if scenario.loadgen_scenario == values.get("effective_scenario")
        and (
            rules.ttft_limit_ms is None
            or values.get("requested_server_ttft_latency") == rules.ttft_limit_ms * NS_PER_MS
        )
    ]
    return (fitting[0].value, kind) if len(fitting) == 1 and kind is not None else None


def _other_benchmark(members: list[TreeEntry], logs: Logs) -> str | None:
    """The benchmark of whose data set all runs are, where it is not that of their folder."""
    first = members[0]
    found = [_log(each.root / path, logs) for each in members for path in _runs(each).values()]
    counts = {None if log is None else log.values.get(COUNT) for log in found}
    if first.benchmark is None or len(counts) != 1:
        return None
    (count,) = counts
    names = [name for name, each in first.round.benchmarks.items() if each.dataset_count == count]
    known = first.round.id_of(first.place.benchmark)
    return names[0] if len(names) == 1 and names[0] != known else None


def _sources(entry: TreeEntry, other: str) -> frozenset[str]:
    """Where the source of the one benchmark, and of the other, is looked for."""
    source = entry.place.submission.layout.source.partition("/{")[0]
    names = (entry.place.benchmark, other)
    return frozenset(entry.finding(Path(source, each), "", "").place for each in names)


def _swapped(folder: Path, homes: Homes) -> list[Cause]:
    """Runs that lie in each other's folders."""
    wrong = {
        (entry.place.scenario, kind): (home, entry)
        for entry, its in homes
        for kind, home in its.items()
        if home is not None and home != (str(entry.scenario), kind)
    }
    if len(wrong) < 2 or {home for home, _ in wrong.values()} != set(wrong):
        return []
    listed = ", ".join("/".join(home) for home in sorted(wrong))
    sentence = f"Runs lie in each other's folders: {listed}."
    places: set[str] = set()
    entry = homes[0][0]
    for scenario, kind in wrong:
        whole = all((scenario, each) in wrong for each in KINDS.values())
        at = folder / scenario
        places |= _hidden(entry, at) if whole else {(at / kind).as_posix()}
    finding = entry.finding(
        folder.relative_to(*folder.parts[:2]), sentence, "Put each into its own."
    )
    return [Cause(finding, frozenset(places))]


def _alien(homes: Homes) -> Iterator[Cause]:
    """Scenarios whose runs are all of one other."""
    names = {each.place.scenario for each, _ in homes}
    for entry, its in homes:
        found = {home[0] if home and home[1] == kind else None for kind, home in its.items()}
        if len(its) < len(KINDS) or len(found) != 1:
            continue
        (other,) = found
        if other is None or other == str(entry.scenario):
            continue
        folder = _folder(entry)
        sentence = f"Both runs are of {other}, by their logs."
        also = () if other in names else (folder.parent / other,)
        yield _cause(entry, folder, sentence, f"Put them into the folder {other}.", *also)


def _cause(entry: TreeEntry, folder: Path, sentence: str, remedy: str, *more: Path) -> Cause:
    finding = entry.finding(folder.relative_to(*folder.parts[:2]), sentence, remedy)
    hides = {each for path in (folder, *more) for each in _hidden(entry, path)}
    return Cause(finding, frozenset(hides))


def _hidden(entry: TreeEntry, folder: Path) -> frozenset[str]:
    root = "/".join(folder.parts[:2])
    return everywhere(entry.place.submission, root, folder.parts[3:])
