"""A folder of another name than the rest of the tree has for it.

The names of systems, benchmarks and scenarios stand in several places of a tree. One that stands
in some of them only, while another stands in the others only, is that other by a wrong name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from sut.config.rounds import Round, SubmissionRules
from sut.submission.contents import TEST
from sut.submission.displaced import LEVELS, Cause, Parts, by_scenario, everywhere, submitters
from sut.submission.findings import Finding
from sut.submission.layout import submission_rules
from sut.submission.misnamed import called
from sut.submission.walk import SCENARIOS

RENAME = "Rename it."
Names = Mapping[str, set[str]]
"""A name → the folders of the submitter's that have it."""


def renamed(tree: Path, rules: Round) -> Iterator[Cause]:
    """Each folder that must have another name."""
    form = submission_rules(rules)
    for root in submitters(tree):
        place = root.relative_to(tree).as_posix()
        for path, name in _literal(root, rules):
            below = path.relative_to(root).as_posix()
            hides = {f"{place}/{below}", f"{place}/{Path(below).with_name(name).as_posix()}"}
            if name == form.layout.performance.partition("/")[0]:
                hides = {place}
            yield _cause(f"{place}/{below}", name, hides)
        yield from _levels(root, place, rules)


def _cause(place: str, name: str, hides: Iterable[str]) -> Cause:
    return Cause(Finding("error", place, called(name), RENAME), frozenset(hides))


def _literal(root: Path, rules: Round) -> Iterator[tuple[Path, str]]:
    """Folders whose names the round gives; each with that name."""
    seen: set[Path] = set()
    templates = _templates(rules)
    for template in templates:
        for depth, name in enumerate(template):
            rest = [_pattern(each) for each in template[depth + 1 :]]
            if name.startswith("{") or not rest:
                continue
            above = "/".join(_pattern(each) for each in template[:depth])
            for folder in sorted(root.glob(above)) if above else [root]:
                foreign = set(rules.other_benchmarks) & set(folder.relative_to(root).parts)
                if (folder / name).exists() or folder in seen or foreign or not folder.is_dir():
                    continue
                others = [path for path in sorted(folder.iterdir()) if _stray(path, templates)]
                meant = [path for path in others if any(path.glob("/".join(rest)))]
                if len(meant) == 1 and not any(c.isspace() for c in meant[0].name):
                    seen.add(folder)
                    yield meant[0], name


def _stray(path: Path, templates: list[Parts]) -> bool:
    """Whether a folder may be one by another name; hidden names are told of elsewhere."""
    named = TEST.fullmatch(path.name) or any(path.name in each for each in templates)
    return path.is_dir() and not named and not path.name.startswith(".")


def _pattern(part: str) -> str:
    """A part of a template as a pattern of glob."""
    head, brace, rest = part.partition("{")
    return f"{head}*{_pattern(rest.partition('}')[2])}" if brace else part


def _templates(rules: Round) -> list[Parts]:
    """Where files of known names lie, down to the file."""
    form = submission_rules(rules)
    layout = form.layout
    tests = {test for each in rules.benchmarks.values() for test in each.compliance_tests}
    files = (
        *(f"{layout.performance}/{name}" for name in form.performance_files),
        *(f"{layout.accuracy}/{name}" for name in form.accuracy_files),
        *(f"{layout.measurements}/{name}" for name in form.measurement_documents),
        *(
            f"{layout.compliance.replace('{test}', test)}/{name}"
            for test in sorted(tests)
            for name in form.compliance_files
        ),
        layout.systems,
        form.calibration_document,
        form.bandwidth_document,
        f"{layout.source}/*.*",
    )
    return [tuple(each.split("/")) for each in files]


def _levels(root: Path, place: str, rules: Round) -> Iterator[Cause]:
    """Systems, then their benchmarks, then their scenarios; below a wrong name nothing more."""
    form = submission_rules(rules)
    tops = [top for top in by_scenario(form) if (root / top).is_dir()]
    paths: list[Parts] = [()]
    for level in LEVELS:
        below: set[Parts] = set()
        for path in paths:
            names = _names(root, form, path, tops)
            wrong = _wrong(names, level, rules)
            done = {*wrong, *rules.other_benchmarks}
            below |= {(*path, name) for name in names if name not in done}
            if wrong:
                yield _one_name(place, form, path, (*wrong, names))
            else:
                yield from _without_results(place, form, path, names)
        paths = sorted(below)


def _names(root: Path, form: SubmissionRules, path: Parts, tops: list[str]) -> Names:
    """The folders at one level, and what stands for one: a description, the source."""
    found: dict[str, set[str]] = {}
    for top in tops:
        for each in root.joinpath(top, *path).glob("*"):
            if each.is_dir() and any(each.iterdir()) and not each.name.startswith("."):
                found.setdefault(each.name, set()).add(top)
    systems, _, file = form.layout.systems.rpartition("/")
    if not path:
        for each in (root / systems).glob(file.replace("{system}", "*")):
            found.setdefault(each.stem, set()).add(systems)
    if len(path) == 1:
        source = form.layout.source.partition("/")[0]
        for each in (root / source).glob("*"):
            if each.is_dir():
                found.setdefault(each.name, set()).add(source)
    return found


def _wrong(names: Names, level: str, rules: Round) -> tuple[str, str] | tuple[()]:
    """The name that is wrong and the one that is meant; none where that is not plain."""
    form = submission_rules(rules)
    results = form.layout.performance.partition("/")[0]
    source = form.layout.source.partition("/")[0]
    tops = set().union(*names.values())
    partial = {
        name: has
        for name, has in names.items()
        if has != tops and (has != {source} or rules.id_of(name) in rules.benchmarks)
    }
    if len(partial) != 2:
        return ()
    has, others = partial.values()
    if has & others or has | others != tops:
        return ()
    right, wrong = sorted(
        partial,
        key=lambda name: (
            not _known(level, name, rules),
            -len(partial[name]),
            results not in names[name],
        ),
    )
    if partial[right] == {source} and wrong in rules.other_benchmarks:
        return ()  # a source that is not needed makes no other benchmark wrong
    return (wrong, right) if _known(level, right, rules) else ()


def _known(level: str, name: str, rules: Round) -> bool:
    """Whether the round has a benchmark or a scenario of this name; a system may have any."""
    if level == "{benchmark}":
        return rules.id_of(name) in rules.benchmarks
    return level != "{scenario}" or name in SCENARIOS.values()


def _one_name(
    place: str, form: SubmissionRules, path: Parts, what: tuple[str, str, Names]
) -> Cause:
    wrong, right, names = what
    results = form.layout.performance.partition("/")[0]
    systems, _, file = form.layout.systems.rpartition("/")
    has = names[wrong]
    first = results if results in has else min(has)
    flat = first in (systems, form.layout.source.partition("/")[0])
    end = file.replace("{system}", "") if first == systems else ""
    at = "/".join((place, first, *(() if flat else path), wrong)) + end
    if results not in has:
        hides = {
            "/".join((place, top, *(() if flat else path), name)) + end
            for top in has
            for name in (wrong, right)
        }
        return _cause(at, f"{right}{end}", hides)
    hides = {each for name in (wrong, right) for each in everywhere(form, place, (*path, name))}
    if not path:
        hides |= {f"{place}/{systems}/{file.replace('{system}', name)}" for name in (wrong, right)}
    return _cause(at, right, hides)


def _without_results(
    place: str, form: SubmissionRules, path: Parts, names: Names
) -> Iterator[Cause]:
    """What lies in several folders, and not in that of the results."""
    results, tops = form.layout.performance.partition("/")[0], by_scenario(form)
    for name, has in sorted(names.items()):
        others = sorted(has & set(tops))
        if results in has or len(others) < 2:
            continue
        here = "/".join((place, results, *path, name))
        listed = " and ".join("/".join((top, *path, name)) for top in others)
        sentence = f"The folder is missing or empty; {listed} are about it."
        found = Finding("error", here, sentence, "Add it, or remove them.")
        yield Cause(found, everywhere(form, place, (*path, name)))
