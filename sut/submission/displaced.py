"""A folder too deep or too high in the tree: one cause, where the checks below see many faults.

What is said here is said alone. Of what follows from it nothing is told until it is mended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audit.verify import OFFICIAL_NAME as VERIFICATION
from sut.config.rounds import Round, SubmissionRules
from sut.logs.accuracy import ACCURACY_NAME
from sut.logs.detail import DETAIL_NAME
from sut.submission.accuracy_files import EVALUATION
from sut.submission.contents import TEST
from sut.submission.findings import Finding
from sut.submission.layout import submission_rules
from sut.submission.structure import DIVISIONS
from sut.submission.user_conf_checks import NAME as USER_CONF
from sut.submission.walk import SCENARIOS

Parts = tuple[str, ...]
LEVELS = ("{system}", "{benchmark}", "{scenario}")


@dataclass(frozen=True)
class Cause:
    """A finding, and the places of the tree of which nothing more is told, with all below them."""

    finding: Finding
    hides: frozenset[str]

    def explains(self, place: str) -> bool:
        """Whether what is said of a place follows from this."""
        return any(f"{place}/".startswith(f"{each}/") for each in self.hides)


def submitters(tree: Path) -> Iterator[Path]:
    """The folder of each submitter."""
    for division in (tree / name for name in DIVISIONS):
        if division.is_dir() and not division.is_symlink():
            yield from (each for each in sorted(division.iterdir()) if each.is_dir())


def by_scenario(form: SubmissionRules) -> dict[str, Parts]:
    """The folders that hold one for each system, benchmark and scenario: name → its template."""
    layout = form.layout
    templates = (layout.performance, layout.measurements, layout.compliance)
    return {each.partition("/")[0]: tuple(each.split("/")) for each in reversed(templates)}


def everywhere(form: SubmissionRules, root: str, below: Iterable[str]) -> frozenset[str]:
    """The same folder in each of them."""
    path = "/".join(below)
    return frozenset(f"{root}/{top}/{path}" for top in by_scenario(form))


def displaced(tree: Path, rules: Round) -> Iterator[Cause]:
    """Each folder that is one too many, or one too few."""
    form, seen = submission_rules(rules), set()
    for division in (tree / name for name in DIVISIONS):
        if any((division / name).is_dir() for name in form.folders):
            sentence = "The submitter's folder is missing: what belongs into it lies here."
            found = Finding("error", division.name, sentence, "Make it.")
            yield Cause(found, frozenset({division.name}))
    for root in submitters(tree):
        if root.name in form.folders:
            continue
        for each in _of_submitter(tree, root, rules):
            if each.finding.place not in seen:
                seen.add(each.finding.place)
                yield each


def _of_submitter(tree: Path, root: Path, rules: Round) -> Iterator[Cause]:
    form = submission_rules(rules)
    yield from _source_above(tree, root, rules)
    anchors = _anchors(form, root)
    tests = {test for each in rules.benchmarks.values() for test in each.compliance_tests}
    source = form.layout.source.partition("/")[0]
    for path in sorted(root.rglob("*")):
        below = path.relative_to(root).parts[:-1]
        template = anchors.get(path.name)
        if path.name == ACCURACY_NAME and tests & set(below):
            template = (*form.layout.compliance.split("/"), "accuracy")
        foreign = set(rules.other_benchmarks) & set(below)
        if template is None or foreign or below[:1] == (source,) or path.is_dir():
            continue
        if path.name == DETAIL_NAME and not {"performance", "run_1"} & set(below):
            continue
        deeper = len(below) > len(template)
        placed = deeper and any(_is_of(each, below, rules) for each in anchors.values())
        if len(below) != len(template) and not placed and _alone(template, below):
            yield from _shifted(tree, root, rules, template, (*below, path.name))


def _source_above(tree: Path, root: Path, rules: Round) -> Iterator[Cause]:
    """The source of benchmarks beside the folder that should hold it."""
    source = submission_rules(rules).layout.source.partition("/")[0]
    here = [each.name for each in root.iterdir() if _fits("{benchmark}", each.name, rules)]
    if here and not (root / source).exists():
        place = root.relative_to(tree).as_posix()
        sentence = f"The folder {source} is missing: what it should hold lies here."
        hides = frozenset(f"{place}/{each}" for each in (source, *here))
        yield Cause(Finding("error", place, sentence, "Make it."), hides)


def _alone(template: Parts, below: Parts) -> bool:
    """Whether it is of no compliance test, or meant to be."""
    return "{test}" in template or not any(TEST.fullmatch(each) for each in below)


def _anchors(form: SubmissionRules, root: Path) -> dict[str, Parts]:
    """A file that tells what its folder is → where that lies."""
    layout = form.layout
    wanted = {
        DETAIL_NAME: layout.performance,
        EVALUATION: layout.accuracy,
        USER_CONF: layout.measurements,
        VERIFICATION: layout.compliance,
        **dict.fromkeys(
            (Path(each).name for each in (form.calibration_document, form.bandwidth_document)),
            layout.documentation,
        ),
    }
    systems = layout.systems.rpartition("/")
    for folder in root.glob(layout.performance.partition("/")[0] + "/*"):
        wanted[systems[2].replace("{system}", folder.name)] = systems[0]
    return {name: tuple(each.split("/")) for name, each in wanted.items()}


def _shifted(tree: Path, root: Path, rules: Round, template: Parts, path: Parts) -> Iterator[Cause]:
    """What is said of a file whose folder is deeper or higher than it should be."""
    below = path[:-1]
    pairs = zip(template, below, strict=False)
    at = next((i for i, pair in enumerate(pairs) if not _fits(*pair, rules)), None)
    at = min(len(template), len(below)) if at is None else at
    if len(below) > len(template):
        if at > 1 and below[at - 1] == below[at - 2]:
            at -= 1  # any name fits a system's folder
        straight = (*below[:at], *below[at + 1 :], path[-1])
        if (len(below) == len(template) + 1 or not at) and not root.joinpath(*straight).exists():
            yield _one_too_many(tree, root, rules, below[: at + 1])
    elif len(below) == len(template) - 1:
        literal = not template[at].startswith("{")
        if not (literal and root.joinpath(*below[:at], template[at]).exists()):
            yield _one_too_few(tree, root, rules, (template, path, at))


def _is_of(template: Parts, below: Parts, rules: Round) -> bool:
    """Whether a folder is where one of a template lies."""
    pairs = zip(template, below, strict=False)
    return len(template) == len(below) and all(_fits(*pair, rules) for pair in pairs)


def _fits(wanted: str, name: str, rules: Round) -> bool:
    """Whether a folder may have this name, by the part of a template."""
    benchmarks = {*rules.benchmarks, *rules.other_benchmarks}
    benchmark = rules.id_of(name) in benchmarks
    fitting = {
        "{system}": not benchmark,
        "{benchmark}": benchmark,
        "{scenario}": name.casefold() in SCENARIOS,
        "{test}": TEST.fullmatch(name) is not None,
    }
    return fitting.get(wanted, name == wanted)


def _one_too_many(tree: Path, root: Path, rules: Round, path: Parts) -> Cause:
    place, above = root.relative_to(tree).as_posix(), path[:-1]
    sentence = "This folder is one too many: what it holds belongs into the folder above."
    found = Finding("error", f"{place}/{'/'.join(path)}", sentence, "Move it there.")
    if len(above) < 2:
        top = above and above[0] not in by_scenario(submission_rules(rules))
        return Cause(found, frozenset({f"{place}/{above[0]}" if top else place}))
    if len(above) > 1 + len(LEVELS):
        return Cause(found, frozenset({f"{place}/{'/'.join(above)}"}))
    return Cause(found, everywhere(submission_rules(rules), place, above[1:]))


def _one_too_few(tree: Path, root: Path, rules: Round, what: tuple[Parts, Parts, int]) -> Cause:
    template, path, at = what
    form, place = submission_rules(rules), root.relative_to(tree).as_posix()
    here = "/".join((place, *path[:at]))
    name = template[at]
    if name in LEVELS:
        sentence = (
            f"The folder of the {name.strip('{}')} is missing: what it should hold lies here."
        )
        whole = frozenset({place}) if at < 2 else everywhere(form, place, path[1:at])
        return Cause(Finding("error", here, sentence, "Make it."), whole)
    called = "of the test" if name == "{test}" else name
    sentence = f"The folder {called} is missing: what it should hold lies here."
    files = {*form.performance_files, *form.accuracy_files, *form.compliance_files}
    names = {name, path[at], *(files if at == len(path) - 1 else ())}
    hides = {f"{here}/{each.partition('/')[0]}" for each in names}
    if not at:
        files_here = (each.name for each in root.iterdir() if each.is_file())
        hides |= {place} if len(template) > 1 else {f"{here}/{each}" for each in files_here}
    if name == "{test}":
        hides = {here}
    return Cause(Finding("error", here, sentence, "Make it."), frozenset(hides))
