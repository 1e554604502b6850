"""Power beside a performance run: its files; what they say is not judged here, and said so.

This harness makes no power result. MLCommons judges one by the files named here and by the checker
of its power working group, which only `--checker` asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from sut.submission.files import says_nothing
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry

UNJUDGED = "This harness makes no power result and judges none"
ASK = "Give --checker, or leave power out."


def has_power(entry: TreeEntry) -> bool:
    """Whether the scenario claims a power result."""
    beside = entry.root / entry.place.performance.parent
    rules = entry.place.submission.power
    return any((beside / name).exists() for name in (rules.folder, rules.ranging))


def power(present: Iterable[TreeEntry], *, judged: bool) -> Iterator[Finding]:
    """A finding for each scenario with power.

    Args:
        present: the scenarios.
        judged: MLCommons' own checker looks at the tree, too.
    """
    for entry in (each for each in present if has_power(each)):
        folder = entry.place.performance.parent / entry.place.submission.power.folder
        wrong = list(_wrong(entry))
        if wrong:
            sentence = f"{UNJUDGED}; this one is not whole: {'; '.join(wrong)}."
            yield entry.finding(folder, sentence, "Add what is missing, or leave power out.")
        else:
            severity = "warning" if judged else "error"
            yield entry.finding(folder, f"{UNJUDGED}.", ASK, severity)  # type: ignore[arg-type]


def _wrong(entry: TreeEntry) -> Iterator[str]:
    """What MLCommons' checker asks for and does not find, or finds and does not know."""
    form, beside = entry.place.submission, entry.place.performance.parent
    rules = form.power
    run = (*form.performance_files, *rules.run_files)
    more = (*form.performance_optional, *form.extra_files)
    wanted = {
        beside / rules.folder: (rules.files, ()),
        beside / rules.ranging: (run, more),
        entry.place.performance: (rules.run_files, None),
    }
    for folder, (required, optional) in wanted.items():
        here = folder.relative_to(beside)
        lacking = [name for name in required if says_nothing(entry.root / folder / name)]
        yield from (f"{here}/{name} is missing or empty" for name in lacking)
        if optional is not None:
            yield from (
                f"{here}/{name} is not known"
                for name in _others(entry.root / folder, {*required, *optional})
            )
    above = (entry.place.measurements, *entry.place.measurements.parents[:-1])
    names = [path.name for folder in above for path in (entry.root / folder).glob("*")]
    for pattern in rules.measurement_files:
        if not any(fnmatch(name, pattern) for name in names):
            yield f"{pattern} is missing beside user.conf"


def _others(folder: Path, known: set[str]) -> list[str]:
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if path.name not in known)
