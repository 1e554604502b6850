"""A submission tree against the round's rules: ours, and MLCommons' own checker on request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from sut.config.rounds import Round, load_round
from sut.rules.session_case import lacking
from sut.submission.accuracy_files import evaluation
from sut.submission.compliance_checks import compliance
from sut.submission.contents import contents
from sut.submission.displaced import Cause
from sut.submission.file_checks import measurements
from sut.submission.findings import Finding, Severity, together
from sut.submission.layout import submission_rules
from sut.submission.log_checks import accuracy_run, performance
from sut.submission.misnamed import meant
from sut.submission.missing import missing_folders
from sut.submission.official import official_findings
from sut.submission.own_verifier import own_verifier
from sut.submission.power import power
from sut.submission.sorted_out import causes_only, sort_out
from sut.submission.stated_hashes import stated_hashes
from sut.submission.structure import DIVISIONS, EMPTY, LINK, NO_RESULTS, structure
from sut.submission.system_checks import system
from sut.submission.user_conf_checks import NAME as USER_CONF
from sut.submission.user_conf_checks import user_conf, user_conf_of_run
from sut.submission.walk import TreeEntry, entries, open_tree

__all__ = ["Finding", "check_tree", "passed"]

# What is of a log, by its kind; what is of an entry whatever its logs; and what only says again
# that a log is not what it was, where that is told already.
OF_PERFORMANCE, OF_ACCURACY = (performance,), (accuracy_run, evaluation)
OF_ENTRY = (compliance, system, measurements, user_conf)


def check_tree(tree: Path, round_: str | Round, checker: Path | None = None) -> list[Finding]:
    """Every complaint about a tree, errors first; `checker`: a checkout of mlcommons/inference.

    `round_` is a round's name, or its rules where they are not the published ones.

    Raises:
        ConfigError: the tree or the checker is not there, or the round takes none.
    """
    rules = round_ if isinstance(round_, Round) else load_round(round_)
    form = submission_rules(rules)
    open_tree(tree)
    every = [each for each in entries(tree, rules) if each.division in DIVISIONS]
    found = [*structure(tree, form), *contents(tree, form, every), *own_verifier(tree, rules)]
    sorted_out = sort_out(tree, rules, every)
    present, causes = sorted_out.judged, sorted_out.causes
    ours = [entry for entry in present if not entry.foreign]
    found += [*_foreign(present), *sorted_out.twice, *power(ours, judged=checker is not None)]
    doubles = list(_doubles(ours, rules))
    found += [finding for finding, _ in doubles]
    single = [entry for entry in ours if entry not in [each for _, each in doubles]]
    # Nothing is asked of a folder that is no scenario of the round's; that is said by _members.
    for entry in (each for each in single if not each.closed or each.rules is not None):
        found += _entry(entry, sorted_out.copied)
    found += _sets(single, rules, causes)
    found = [*causes_only(found, causes)]
    if not present and not any(each.severity == "error" for each in found):
        found.append(Finding("error", "", "The tree holds no result.", "Add one."))
    if checker is not None:
        found += official_findings(tree, form.checker_version, checker)
    told = together(missing_folders(tree, _without_echoes(dict.fromkeys(found))))
    return sorted(told, key=lambda each: each.severity != "error")


def passed(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands against the tree."""
    return not any(each.severity == "error" for each in findings)


def _entry(entry: TreeEntry, copied: Mapping[Path, Path]) -> list[Finding]:
    """Everything about one scenario; of two folders with one run nothing more is told."""
    kinds = ((OF_PERFORMANCE, entry.place.performance), (OF_ACCURACY, entry.place.accuracy))
    shared = {*copied, *copied.values()}
    asked = [each for group, path in kinds if entry.root / path not in shared for each in group]
    found = [finding for each in (*asked, *OF_ENTRY) for finding in each(entry)]
    causes = [entry.place.performance, entry.place.measurements / USER_CONF]
    told_of = any(_inside(f, entry.finding(at, "", "").place) for f in found for at in causes)
    if not told_of and entry.root / entry.place.performance not in shared:
        found += user_conf_of_run(entry)
    told = {each.place.rpartition("/")[0] for each in found} | {each.place for each in found}
    told |= {path.relative_to(entry.tree).as_posix() for path in shared}
    return found + list(stated_hashes(entry, told))


def _without_echoes(found: Iterable[Finding]) -> list[Finding]:
    """Nothing of an empty folder if what it lacks is told, nor of a file behind a link.

    Nor of what is not there because it has another name.
    """
    every = list(found)
    renamed = meant(every)
    every = [each for each in every if not any(_below(each.place, at) for at in renamed)]
    places = [each.place for each in every if each.sentence != EMPTY]
    without = [each.place for each in every if each.sentence == NO_RESULTS]
    links = {each.place for each in every if each.sentence == LINK}
    return [
        each
        for each in every
        if (each.sentence == LINK or each.place not in links)
        and (each.sentence != EMPTY or not any(_below(p, each.place) for p in places))
        and (each.sentence != EMPTY or not any(_below(each.place, p) for p in without))
        and (each.sentence != NO_RESULTS or not _told_below(f"{each.place}/results", places))
    ]


def _told_below(folder: str, places: Iterable[str]) -> bool:
    return any(_below(place, folder) for place in places)


def _below(place: str, folder: str) -> bool:
    return f"{place}/".startswith(f"{folder}/")


def _inside(finding: Finding, place: str) -> bool:
    return finding.severity == "error" and _below(finding.place, place)


def _foreign(present: list[TreeEntry]) -> Iterable[Finding]:
    """One line for all benchmarks of other families; where there is no other, nothing is judged."""
    names = sorted({entry.place.benchmark for entry in present if entry.foreign})
    if names:
        severity: Severity = "warning" if len(names) < len(_benchmarks(present)) else "error"
        sentence = f"Benchmarks of other families are not judged here: {', '.join(names)}."
        yield Finding(severity, "", sentence, "Ask MLCommons' checker about them.")


def _benchmarks(present: Iterable[TreeEntry]) -> set[str]:
    return {entry.place.benchmark for entry in present}


def _sets(present: list[TreeEntry], rules: Round, causes: Iterable[Cause]) -> Iterable[Finding]:
    """Benchmarks and scenarios that the round knows; in closed all that it requires."""
    groups: dict[tuple[str, str, str, str], list[TreeEntry]] = {}
    for entry in present:
        key = (entry.division, entry.submitter, entry.place.system, entry.place.benchmark)
        groups.setdefault(key, []).append(entry)
    for members in groups.values():
        yield from _members(members, rules, causes)


def _doubles(present: Iterable[TreeEntry], rules: Round) -> Iterable[tuple[Finding, TreeEntry]]:
    """Each folder of a benchmark or a scenario that has one already, by another spelling."""
    seen: dict[tuple[object, ...], TreeEntry] = {}
    for entry in present:
        place = entry.place
        benchmark = rules.id_of(place.benchmark).casefold()
        above = (entry.division, entry.submitter, place.system)
        first = seen.setdefault((*above, benchmark, place.scenario.casefold()), entry)
        if first is not entry:
            here, there = (each.place.performance.parents[1] for each in (entry, first))
            if entry.place.benchmark != first.place.benchmark:
                here, there = here.parent, there.parent
            sentence = f"The same benchmark and scenario lie in {there}, too."
            yield entry.finding(here, sentence, "Keep one of them."), entry


def _members(members: list[TreeEntry], rules: Round, causes: Iterable[Cause]) -> Iterable[Finding]:
    first = members[0]
    folder = Path("results") / first.place.system / first.place.benchmark
    benchmark = first.benchmark
    if benchmark is None:
        sentence = f"Round {rules.name} has no benchmark {first.place.benchmark} of this family."
        yield (
            first.finding(folder, sentence, "Its limits are not checked here.", "warning")
            if not first.closed
            else first.finding(folder, sentence, "Use a benchmark's id.")
        )
        return
    for entry in members:
        if entry.rules is None:
            yield entry.finding(
                folder / entry.place.scenario,
                f"{first.place.benchmark} has no scenario {entry.place.scenario}.",
                f"Its scenarios are {', '.join(benchmark.scenarios)}.",
                "error" if first.closed else "warning",
            )
    if not first.closed:
        return
    have = [entry.scenario for entry in members if entry.scenario is not None]
    have += [
        each
        for each in benchmark.scenarios
        if any(cause.explains(first.finding(folder / each, "", "").place) for cause in causes)
    ]
    missing, no_choice = lacking(benchmark, have)
    for scenario in missing:
        yield first.finding(folder, f"The scenario {scenario} is missing.", "Add it.")
    if no_choice:
        choice = " and ".join(benchmark.one_of)
        yield first.finding(folder, f"Neither {choice} is there.", "Add one of them.")
