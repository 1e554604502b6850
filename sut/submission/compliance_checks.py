"""A compliance test's folder in a tree: its lines, and its log read again.

The official checker reads three lines and takes `Skipped` from any scenario; the log beside
them is read by nobody. Here it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from audit.bounds import of_benchmark
from audit.logs import find_logs
from audit.verify import OFFICIAL_NAME as VERIFICATION
from audit.verify import official_text, verify_run
from sut.errors import HarnessError
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry

AGAIN = "Find out why the outputs differ and run the test again."


def compliance(entry: TreeEntry) -> Iterable[Finding]:
    """Closed: every test's folder with its files, the lines that mean passed, a log that agrees."""
    if not entry.closed or entry.benchmark is None:
        return
    form = entry.place.submission
    for test in entry.benchmark.compliance_tests:
        folder = entry.place.compliance(test)
        missing = [
            name
            for name in form.compliance_files
            if not (path := entry.root / folder / name).is_file() or not path.stat().st_size
        ]
        for name in missing:
            yield entry.finding(
                folder / name,
                f"The {entry.division} division requires {test}; the file is missing or empty.",
                f"Run {test} and make the tree again.",
            )
        if VERIFICATION not in missing:
            yield from _lines(entry, folder, test)
        if not missing:
            yield from _log(entry, folder, test)


def _lines(entry: TreeEntry, folder: Path, test: str) -> Iterable[Finding]:
    lines = _read(entry.root / folder / VERIFICATION)
    for pattern in entry.place.submission.compliance_lines.get(test, ()):
        if not any(re.fullmatch(pattern, line) for line in lines):
            yield entry.finding(
                folder / VERIFICATION, f"No line reads {pattern!r}: {test} did not pass.", AGAIN
            )


def _log(entry: TreeEntry, folder: Path, test: str) -> Iterable[Finding]:
    """The test made again on the log in the tree, by the ids of the benchmark's own model."""
    if entry.scenario is None or entry.benchmark is None:
        return
    most = entry.benchmark.max_tokens
    try:
        eos = of_benchmark(entry.round.id_of(entry.place.benchmark)).eos_token_ids
        logs = find_logs(entry.root / folder, entry.scenario, eos, max_tokens=most)
        facts = verify_run(test, logs)
    except HarnessError as error:
        yield entry.finding(folder, f"The test's log cannot be judged: {error.message}", AGAIN)
        return
    for each in facts.checks:
        if not each.passed:
            yield entry.finding(
                folder,
                f"{each.name} is {each.measured}, must be {each.comparison} {each.limit}.",
                AGAIN,
            )
    wanted = [
        line for line in official_text(facts, entry.scenario).splitlines() if " pass: " in line
    ]
    said = _read(entry.root / folder / VERIFICATION)
    for line in wanted:
        if facts.passed and line not in said:
            yield entry.finding(
                folder / VERIFICATION,
                f"The log says {line!r}, and no line here does.",
                "Verify the log again and hand in what that writes.",
            )


def _read(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8", errors="replace")
    return [line.strip() for line in text.splitlines()]
