"""The form of a tree: names, sizes, folders. The official package checks none of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sut.config.rounds import SubmissionRules
from sut.submission.files import DOCUMENT_SUFFIXES, hidden_character, wordless
from sut.submission.findings import Finding, Severity
from sut.submission.misnamed import misnamed

DIVISIONS = ("closed", "open", "network")
ROOT_SUFFIXES = (".md", ".pdf")
CACHE = "__pycache__"
# What a tree kept in a repository has beside its divisions; the official checker passes over it.
BESIDE = (".git", ".github", "assets")
EMPTY = "The folder is empty."
NO_RESULTS = "There are no results."
LINK = "This is a link, which does not survive."
# A text that belongs to nobody's results, and harms nobody.
LOOSE_TEXTS = ("README", "LICENSE", "NOTICE")


def structure(tree: Path, rules: SubmissionRules) -> Iterable[Finding]:
    """Everything about names, sizes and stray files."""
    top = sorted(path for path in tree.iterdir() if path.name not in BESIDE)
    for path in top:
        for each in (path, *sorted(path.rglob("*"))):
            yield from _path(tree, each, rules)
    for path in top:
        if path.is_file() and path.suffix not in ROOT_SUFFIXES:
            yield _error(tree, path, "The root may hold .md and .pdf files only.", "Remove it.")
        if path.is_dir() and not path.is_symlink() and path.name not in DIVISIONS:
            yield _error(
                tree, path, f"{path.name} is not a division.", f"Use one of {', '.join(DIVISIONS)}."
            )
    for division in (tree / name for name in DIVISIONS):
        if division.is_dir() and not division.is_symlink():
            yield from _division(tree, division, rules)


def _path(tree: Path, path: Path, rules: SubmissionRules) -> Iterable[Finding]:
    if path.is_symlink():
        yield _link(tree, path)
        return
    yield from _name(tree, path)
    if path.is_dir():
        if path.name == CACHE:
            yield _error(tree, path, "This is a folder of compiled Python.", "Remove it.")
        if not any(path.iterdir()):
            yield _error(tree, path, EMPTY, "Remove it.")
        return
    if path.exists() and not path.is_file():
        yield _error(tree, path, "This is neither a file nor a folder.", "Remove it.")
        return
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return  # gone since the folder was listed
    if size > rules.file_max_bytes:
        limit = rules.file_max_bytes // 2**20
        yield _error(
            tree,
            path,
            f"The file has {size / 2**20:.1f} MiB, more than {limit} MiB.",
            "Leave it out of the tree and say where it can be had.",
        )


def _name(tree: Path, path: Path) -> Iterable[Finding]:
    if any(each.isspace() for each in path.name):
        yield _error(tree, path, "The name holds a blank.", "Rename it.")
    elif hidden_character(path.name):
        yield _error(tree, path, "The name holds what cannot be printed.", "Rename it.")
    if path.name.startswith("."):
        yield _error(tree, path, "The name starts with a dot.", "Rename or remove it.")


def _link(tree: Path, path: Path) -> Finding:
    """The official checker refuses a link that leads nowhere, and follows any other.

    One beside the divisions gives a division, or a submitter, a second name.
    """
    inside = path.exists() and path.resolve().is_relative_to(tree.resolve())
    inside = inside and path.parent != tree
    severity: Severity = "warning" if inside else "error"
    return Finding(severity, path.relative_to(tree).as_posix(), LINK, "Copy the file.")


def _division(tree: Path, division: Path, rules: SubmissionRules) -> Iterable[Finding]:
    for path in sorted(division.iterdir()):
        if path.is_symlink():
            continue  # said by _path
        if not path.is_dir():
            yield _error(tree, path, "A file lies outside of a submitter's folder.", "Remove it.")
            continue
        yield from _submitter(tree, path, division.name, rules)


def _submitter(
    tree: Path, submitter: Path, division: str, rules: SubmissionRules
) -> Iterable[Finding]:
    allowed = {*rules.folders, "model_mapping.json"} if division == "open" else {*rules.folders}
    allowed.add("calibration.md")
    for path in sorted(submitter.iterdir()):
        if path.name not in allowed and not path.name.startswith("."):
            loose = path.is_file() and path.stem in LOOSE_TEXTS
            sentence = f"A submitter's folder may hold {', '.join(rules.folders)} only."
            place = path.relative_to(tree).as_posix()
            yield Finding("warning" if loose else "error", place, sentence, "Move or remove it.")
    results, systems = submitter / "results", submitter / "systems"
    with_results = {path.name for path in results.glob("*") if path.is_dir()}
    for path in sorted(systems.glob("*.json")) if with_results else ():
        if path.stem not in with_results and not misnamed(
            path, (f"{name}.json" for name in with_results)
        ):
            yield _error(
                tree, path, "The system has no results.", "Remove the file, or add its results."
            )
    if not with_results:
        yield _error(tree, submitter, NO_RESULTS, "Add a system's results.")
        return
    yield from _blank(tree, submitter, rules)
    if division != "open":
        yield from _documents(tree, submitter, rules)


def _documents(tree: Path, submitter: Path, rules: SubmissionRules) -> Iterable[Finding]:
    wanted = {
        rules.calibration_document: submitter / "calibration.md",
        rules.bandwidth_document: None,
    }
    for name, instead in wanted.items():
        path = submitter / name
        if not any(each and not wordless(each) for each in (path, instead)):
            yield _error(
                tree,
                path,
                f"The division {submitter.parent.name} requires this document.",
                "Write it.",
            )


def _blank(tree: Path, submitter: Path, rules: SubmissionRules) -> Iterable[Finding]:
    """A document of no words, of those that nothing asks for."""
    asked = {submitter / rules.calibration_document, submitter / rules.bandwidth_document}
    for path in sorted((submitter / rules.layout.documentation).rglob("*")):
        text = path.is_file() and path.suffix in DOCUMENT_SUFFIXES and path not in asked
        if text and wordless(path):
            place = path.relative_to(tree).as_posix()
            yield Finding("warning", place, "The document says nothing.", "Remove it.")


def _error(tree: Path, path: Path, sentence: str, remedy: str) -> Finding:
    return Finding("error", path.relative_to(tree).as_posix(), sentence, remedy)
