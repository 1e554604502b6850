"""The form of a tree: names, sizes, folders. The official package checks none of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sut.config.rounds import SubmissionRules
from sut.submission.findings import Finding

DIVISIONS = ("closed", "open", "network")
ROOT_SUFFIXES = (".md", ".pdf")
CACHE = "__pycache__"
# Of the repository that a tree is kept in; MLCommons' checker passes over them
# (tools/submission/submission_checker.py of v5.1.1, check_results_dir).
PASSED_OVER = frozenset({".git", ".github", "assets"})


def structure(tree: Path, rules: SubmissionRules) -> Iterable[Finding]:
    """Everything about names, sizes and stray files."""
    for path in sorted(tree.rglob("*")):
        if path.relative_to(tree).parts[0] not in PASSED_OVER:
            yield from _path(tree, path, rules)
    for path in sorted(tree.iterdir()):
        if path.name in PASSED_OVER:
            continue
        if path.is_file() and path.suffix not in ROOT_SUFFIXES:
            yield _error(tree, path, "The root may hold .md and .pdf files only.", "Remove it.")
        if path.is_dir() and path.name not in DIVISIONS:
            yield _error(
                tree, path, f"{path.name} is not a division.", f"Use one of {', '.join(DIVISIONS)}."
            )
    for division in (tree / name for name in DIVISIONS):
        if division.is_dir():
            yield from _division(tree, division, rules)


def _path(tree: Path, path: Path, rules: SubmissionRules) -> Iterable[Finding]:
    if path.is_symlink():
        yield _error(tree, path, "This is a link, which does not survive.", "Copy the file.")
        return
    if " " in path.name:
        yield _error(tree, path, "The name holds a blank.", "Rename it.")
    if path.name.startswith("."):
        yield _error(tree, path, "The name starts with a dot.", "Rename or remove it.")
    if path.is_dir():
        if path.name == CACHE:
            yield _error(tree, path, "This is a folder of compiled Python.", "Remove it.")
        if not any(path.iterdir()):
            yield _error(tree, path, "The folder is empty.", "Remove it.")
        return
    size = path.stat().st_size
    if size > rules.file_max_bytes:
        limit = rules.file_max_bytes // 2**20
        yield _error(
            tree,
            path,
            f"The file has {size / 2**20:.1f} MiB, more than {limit} MiB.",
            "Leave it out of the tree and say where it can be had.",
        )


def _division(tree: Path, division: Path, rules: SubmissionRules) -> Iterable[Finding]:
    for path in sorted(division.iterdir()):
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
        if path.name not in allowed:
            yield _error(
                tree,
                path,
                f"A submitter's folder may hold {', '.join(rules.folders)} only.",
                "Move or remove it.",
            )
    results, systems = submitter / "results", submitter / "systems"
    with_results = {path.name for path in results.glob("*") if path.is_dir()}
    for path in sorted(systems.glob("*.json")):
        if path.stem not in with_results:
            yield _error(
                tree, path, "The system has no results.", "Remove the file, or add its results."
            )
    if not with_results:
        yield _error(tree, submitter, "There are no results.", "Add a system's results.")
    if division != "open":
        yield from _documents(tree, submitter, rules)


def _documents(tree: Path, submitter: Path, rules: SubmissionRules) -> Iterable[Finding]:
    wanted = {
        rules.calibration_document: submitter / "calibration.md",
        rules.bandwidth_document: None,
    }
    for name, instead in wanted.items():
        path = submitter / name
        if not any(p and p.is_file() and p.stat().st_size for p in (path, instead)):
            yield _error(
                tree,
                path,
                f"The division {submitter.parent.name} requires this document.",
                "Write it.",
            )


def _error(tree: Path, path: Path, sentence: str, remedy: str) -> Finding:
    return Finding("error", path.relative_to(tree).as_posix(), sentence, remedy)
