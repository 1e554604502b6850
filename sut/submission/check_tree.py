"""A submission tree against the round's rules: ours, and MLCommons' own checker on request."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sut.config.rounds import Round, load_round
from sut.rules.session_case import lacking
from sut.submission.compliance_checks import compliance
from sut.submission.file_checks import evaluation, measurements, system
from sut.submission.findings import Finding
from sut.submission.layout import submission_rules
from sut.submission.log_checks import accuracy_run, performance
from sut.submission.official import official_findings
from sut.submission.structure import structure
from sut.submission.walk import TreeEntry, entries, open_tree

__all__ = ["Finding", "check_tree", "passed"]

PER_ENTRY = (performance, accuracy_run, evaluation, compliance, system, measurements)


def check_tree(tree: Path, round_: str | Round, checker: Path | None = None) -> list[Finding]:
    """Every complaint about a tree, errors first; `checker`: a checkout of mlcommons/inference.

    `round_` is a round's name, or its rules where they are not the published ones.

    Raises:
        ConfigError: the tree or the checker is not there, or the round takes none.
    """
    rules = round_ if isinstance(round_, Round) else load_round(round_)
    form = submission_rules(rules)
    found = list(structure(open_tree(tree), form))
    present = list(entries(tree, rules))
    for entry in present:
        for each in PER_ENTRY:
            found += each(entry)
    found += _sets(present, rules)
    if checker is not None:
        found += official_findings(tree, form.checker_version, checker)
    return sorted(dict.fromkeys(found), key=lambda each: each.severity != "error")


def passed(findings: Iterable[Finding]) -> bool:
    """Whether nothing stands against the tree."""
    return not any(each.severity == "error" for each in findings)


def _sets(present: list[TreeEntry], rules: Round) -> Iterable[Finding]:
    """Benchmarks and scenarios that the round knows; in closed all that it requires."""
    if not present:
        yield Finding("error", "", "The tree holds no result.", "Add one.")
    groups: dict[tuple[str, str, str, str], list[TreeEntry]] = {}
    for entry in present:
        key = (entry.division, entry.submitter, entry.place.system, entry.place.benchmark)
        groups.setdefault(key, []).append(entry)
    for members in groups.values():
        yield from _members(members, rules)


def _members(members: list[TreeEntry], rules: Round) -> Iterable[Finding]:
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
    have = (entry.scenario for entry in members if entry.scenario is not None)
    missing, no_choice = lacking(benchmark, have)
    for scenario in missing:
        yield first.finding(folder, f"The scenario {scenario} is missing.", "Add it.")
    if no_choice:
        choice = " and ".join(benchmark.one_of)
        yield first.finding(folder, f"Neither {choice} is there.", "Add one of them.")
