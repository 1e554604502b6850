"""What may be wrong with the form of a tree: names, links, stray files, what is missing."""

from __future__ import annotations

import shutil

from tests.unit.submission.broken_trees import (
    RESULTS,
    SYSTEM,
    Breaker,
    dangling,
    large,
    write,
)

STRUCTURE: dict[str, tuple[Breaker, list[str]]] = {
    "a blank in a name": (
        lambda root: write(root / "src/llama3.1-8b/a b.py"),
        ["The name holds a blank."],
    ),
    "a name with a dot first": (
        lambda root: write(root / "src/llama3.1-8b/.gitkeep"),
        ["The name starts with a dot."],
    ),
    "a link": (
        lambda root: (root / "documentation/link.md").symlink_to("nowhere.md"),
        ["This is a link"],
    ),
    "an empty folder": (
        lambda root: (root / "src/empty").mkdir(),
        ["The folder is empty."],
    ),
    "a large file": (
        lambda root: large(root / "src/llama3.1-8b/weights.bin"),
        ["The file has 50.0 MiB, more than 50 MiB."],
    ),
    "compiled Python": (
        lambda root: write(root / "src/__pycache__/a.pyc"),
        ["This is a folder of compiled Python."],
    ),
    "an extra file in accuracy": (
        lambda root: write(root / RESULTS / "Server/accuracy/notes.txt"),
        ["Nothing else may lie in this folder."],
    ),
    "an extra file in run_1": (
        lambda root: write(root / RESULTS / "Server/performance/run_1/ledger.parquet"),
        ["Nothing else may lie in this folder."],
    ),
    "a system without results": (
        lambda root: shutil.copy(root / f"systems/{SYSTEM}.json", root / "systems/b.json"),
        ["The system has no results."],
    ),
    "no calibration document": (
        lambda root: (root / "documentation/calibration.md").unlink(),
        ["The division closed requires this document."],
    ),
    "no bandwidth document": (
        lambda root: (root / "documentation/bandwidth.md").unlink(),
        ["The division closed requires this document."],
    ),
    "a folder of our own": (
        lambda root: write(root / "tools/a.py"),
        ["A submitter's folder may hold systems, src, documentation, results only."],
    ),
    "a file beside the submitters": (
        lambda root: write(root.parent / "a.txt"),
        ["A file lies outside of a submitter's folder."],
    ),
    "a link to nowhere beside the submitters": (
        lambda root: dangling(root.parent / "b"),
        ["This is a link"],
    ),
    "a file at the root": (
        lambda root: write(root.parents[1] / "summary.csv"),
        ["The root may hold .md and .pdf files only."],
    ),
    "a division of our own": (
        lambda root: write(root.parents[1] / "preview/a.md"),
        ["preview is not a division."],
    ),
    "no required scenario": (
        lambda root: shutil.rmtree(root / RESULTS / "Offline"),
        ["The scenario Offline is missing."],
    ),
    "none of the alternatives": (
        lambda root: shutil.rmtree(root / RESULTS / "Server"),
        ["Neither Server and Interactive is there."],
    ),
}
