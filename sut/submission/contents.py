"""What may lie in the folders of results: the round's files, and nothing else.

Source code and documentation are the submitter's own; of them only names and sizes are judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from sut.config.rounds import SubmissionRules
from sut.submission.findings import Finding, Severity
from sut.submission.layout import Place
from sut.submission.misnamed import alike, called, misnamed
from sut.submission.power import has_power
from sut.submission.walk import TreeEntry

NOTHING_ELSE = "Nothing else may lie in this folder."
TEST = re.compile(r"TEST\d\d")
SYSTEM_SUFFIX = ".json"
# MLCommons writes these beside a system's benchmarks when it publishes a tree.
PUBLISHED = ("README.md", "summary.html")


def contents(tree: Path, form: SubmissionRules, present: list[TreeEntry]) -> Iterable[Finding]:
    """Every stray file and folder below a submitter's results and what belongs to them."""
    every = (each for each in tree.glob("*/*") if each.is_dir() and not each.parent.is_symlink())
    for submitter in sorted(every):
        mine = [entry for entry in present if entry.root == submitter]
        yield from _systems(tree, submitter, mine)
        for top in dict.fromkeys(_top(each) for each in _by_scenario(form)):
            yield from _levels(tree, submitter / top, mine)
    for entry in present:
        if not entry.foreign:
            yield from _entry(tree, entry)


def _by_scenario(form: SubmissionRules) -> tuple[str, ...]:
    layout = form.layout
    return (layout.performance, layout.measurements, layout.compliance)


def _top(template: str) -> str:
    return template.partition("/")[0]


def _systems(tree: Path, submitter: Path, mine: list[TreeEntry]) -> Iterable[Finding]:
    if not mine:
        return
    folder = submitter / _top(mine[0].place.submission.layout.systems)
    names = [f"{each.place.system}{SYSTEM_SUFFIX}" for each in mine]
    capacity = mine[0].place.submission.power.capacity_file or ""
    with_power = [capacity.format(system=each.place.system) for each in mine if has_power(each)]
    for path in _children(folder):
        if path.name in (*names, *with_power):
            continue
        if name := misnamed(path, names) or alike(path, names):
            yield _renamed(tree, path, name)
        elif not path.is_file() or path.suffix != SYSTEM_SUFFIX:
            yield _stray(tree, path, "Only descriptions of systems lie here.")


def _levels(tree: Path, top: Path, mine: list[TreeEntry]) -> Iterable[Finding]:
    """Folders of systems, of benchmarks and of scenarios: no file, and none without a result."""
    entries = [entry.place for entry in mine]
    known: set[tuple[str, ...]] = {(each.system,) for each in entries}
    known |= {(each.system, each.benchmark) for each in entries}
    known |= {(each.system, each.benchmark, each.scenario) for each in entries}
    foreign = {(each.place.system, each.place.benchmark) for each in mine if each.foreign}
    results = top.name == "results"
    for path in sorted([*top.glob("*"), *top.glob("*/*"), *top.glob("*/*/*")]):
        below = path.relative_to(top).parts
        if _hidden(below) or (len(below) > 1 and below[:-1] not in known):
            continue  # its folder is told of already
        if not path.is_dir():
            published = len(below) == 2 and path.name in PUBLISHED
            severity: Severity = "error" if results and not published else "warning"
            if len(below) < 3 or results:
                yield _stray(tree, path, "Only folders lie here.", severity)
        elif below not in known and any(path.iterdir()):
            sentence = "The folder belongs to no result."
            yield _stray(tree, path, sentence, "warning" if below[:2] in foreign else "error")


def _entry(tree: Path, entry: TreeEntry) -> Iterable[Finding]:
    """The folders of one scenario."""
    place = entry.place
    roots = {place.performance.parents[1], place.measurements, place.compliance("x").parent}
    allowed = _allowed(entry)
    alone = place.measurements != place.performance.parents[1]
    for folder in sorted({*roots, place.performance.parent, *_test_folders(entry)}):
        # The older layout keeps notes of all kinds beside user.conf.
        severity: Severity = "warning" if alone and folder == place.measurements else "error"
        for path in _children(entry.root / folder):
            names = (each.name for each in allowed if each.parent == folder)
            known = path.relative_to(entry.root) in allowed
            if name := misnamed(path, names) or (
                None if known else alike(path, _required(entry, folder))
            ):
                yield _renamed(tree, path, name)
            elif path.relative_to(entry.root) not in allowed and not _loose(place, folder, path):
                yield _stray(tree, path, NOTHING_ELSE, severity)


def _allowed(entry: TreeEntry) -> set[Path]:
    """Every file that the round names, and the folders above each."""
    place, form = entry.place, entry.place.submission
    tests = entry.benchmark.compliance_tests if entry.benchmark else ()
    of_tests = (*form.compliance_files, *form.compliance_optional)
    files = {
        *(place.measurements / name for name in form.measurement_documents),
        *(place.measurements / name for name in form.measurement_optional),
        *(place.compliance(test) / name for test in tests for name in of_tests),
        place.measurements_file,
        place.performance / "x",
        place.accuracy / "x",
    }
    return files | {parent for path in files for parent in path.parents}


def _required(entry: TreeEntry, folder: Path) -> list[str]:
    """The files that a folder of a scenario must hold; those of the runs: see log_checks.py."""
    place, form = entry.place, entry.place.submission
    tests = entry.benchmark.compliance_tests if entry.benchmark else ()
    files = [place.compliance(test) / name for test in tests for name in form.compliance_files]
    files += [place.measurements / name for name in form.measurement_documents]
    files.append(place.measurements_file)
    return [each.name for each in files if each.parent == folder]


def _loose(place: Place, folder: Path, path: Path) -> bool:
    """What the round allows by form: a test, power, a measurements file of older rounds."""
    if folder == place.compliance("x").parent and path.is_dir() and TEST.fullmatch(path.name):
        return True
    power = place.submission.power
    if folder == place.performance.parent and path.name in (power.folder, power.ranging):
        return True  # said by power.py
    if any(fnmatch(path.name, each) for each in power.measurement_files):
        return folder == place.measurements
    named = path.name.startswith(place.system) and path.suffix == SYSTEM_SUFFIX
    by_form = "{" in place.submission.layout.measurements_file
    return folder == place.measurements and by_form and named


def _test_folders(entry: TreeEntry) -> set[Path]:
    """The folders of the tests that the benchmark has, and those inside."""
    tests = entry.benchmark.compliance_tests if entry.benchmark else ()
    form = entry.place.submission
    names = [Path(name) for name in (*form.compliance_files, *form.compliance_optional)]
    below = {parent for name in names for parent in name.parents}
    return {entry.place.compliance(test) / parent for test in tests for parent in below}


def _children(folder: Path) -> list[Path]:
    """What lies in a folder, but for names that structure.py tells of."""
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if not _hidden((path.name,))]


def _hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith(".") or " " in part or part == "__pycache__" for part in parts)


def _renamed(tree: Path, path: Path, name: str) -> Finding:
    return Finding("error", path.relative_to(tree).as_posix(), called(name), "Rename it.")


def _stray(tree: Path, path: Path, sentence: str, severity: Severity = "error") -> Finding:
    place = path.relative_to(tree).as_posix()
    return Finding(severity, place, sentence, "Remove it.")
