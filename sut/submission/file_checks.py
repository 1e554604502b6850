"""What the written files of a tree must say: accuracy, system, measurements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sut.config.rounds import BenchmarkRules
from sut.record.folder import sha256_of
from sut.rules.evaluated import within
from sut.submission.findings import Finding, Severity
from sut.submission.walk import TreeEntry

ACCURACY_LOG = "mlperf_log_accuracy.json"
EVALUATION = "accuracy.txt"


def evaluation(entry: TreeEntry) -> Iterable[Finding]:
    """accuracy.txt: metrics in their bounds, and the hash of the whole log."""
    form, folder = entry.place.submission, entry.place.accuracy
    text, log = entry.root / folder / EVALUATION, entry.root / folder / ACCURACY_LOG
    if log.is_file() and log.stat().st_size > form.accuracy_log.max_bytes:
        yield entry.finding(
            folder / ACCURACY_LOG,
            f"The log has {log.stat().st_size} bytes; at most {form.accuracy_log.max_bytes} "
            "are taken.",
            "Make the tree with submit, which shortens it and writes its hash.",
        )
    if not text.is_file():
        return  # said by log_checks.py
    lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
    digests = [m.group(1) for line in lines if (m := re.match(form.hash_pattern, line))]
    if not digests:
        yield entry.finding(
            folder / EVALUATION,
            "The line hash=… of the whole accuracy log is missing.",
            "Make the tree with submit, or run MLCommons' truncate_accuracy_log.py.",
        )
    elif log.is_file() and _whole(log) and sha256_of(log) not in digests:
        yield entry.finding(
            folder / EVALUATION,
            "The hash is not that of the accuracy log beside it.",
            "Evaluate that log again.",
        )
    if entry.benchmark is not None:
        yield from _bounds(entry, folder / EVALUATION, lines, entry.benchmark)


def _whole(log: Path) -> bool:
    try:
        json.loads(log.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _bounds(
    entry: TreeEntry, path: Path, lines: list[str], benchmark: BenchmarkRules
) -> Iterable[Finding]:
    severity: Severity = "error" if entry.closed else "warning"
    remedy = "Closed requires it; open reports it." if entry.closed else "Open only reports it."
    values: dict[str, float | None] = {}
    for metric in benchmark.accuracy_min:
        pattern = entry.place.submission.accuracy_patterns[metric]
        found = [m.group(1) for line in lines if (m := re.match(pattern, line))]
        try:
            values[metric] = float(found[0]) if found else None
        except ValueError:
            sentence = f"{metric} is {found[0]}, which is not a number; the checker breaks on it."
            yield entry.finding(path, sentence, "Evaluate the run again.")
            continue
        if not found:
            yield entry.finding(
                path,
                f"{metric} is not printed in the form the checker reads.",
                "Evaluate again with `python -m sut.main accuracy`.",
                severity,
            )
    for each in within(values, benchmark.accuracy_min, benchmark.accuracy_max, benchmark.scorer):
        if not each.passed and each.measured is not None:
            way = "at least" if each.comparison == ">=" else "at most"
            sentence = f"{each.name} is {each.measured:.10g}, must be {each.limit:.10g} {way}."
            yield entry.finding(path, sentence, remedy, severity)


def system(entry: TreeEntry) -> Iterable[Finding]:
    """systems/<system>.json: every key, filled, with values the checker can use."""
    path = entry.place.system_file
    document, problem = _json(entry, path, "Add the system's description.")
    yield from problem
    if document is None:
        return
    yield from _system_keys(entry, path, document)
    yield from _system_values(entry, path, document)
    yield from _system_type(entry, path, str(document.get("system_type", "")))


def _system_keys(entry: TreeEntry, path: Path, document: dict[str, Any]) -> Iterable[Finding]:
    wanted = entry.place.submission.system
    for key in (*wanted.must_be_filled, *wanted.may_be_empty):
        if key not in document:
            yield entry.finding(path, f"The key {key} is missing.", "State it.")
        elif key in wanted.must_be_filled and not document[key]:
            yield entry.finding(path, f"The key {key} is empty.", "State it.")
    if entry.closed and entry.division != "network" and wanted.network_key in document:
        sentence = f"{wanted.network_key} is stated, and the division is {entry.division}."
        yield entry.finding(path, sentence, "Leave the key out.")


def _system_values(entry: TreeEntry, path: Path, document: dict[str, Any]) -> Iterable[Finding]:
    wanted = entry.place.submission.system
    for key in wanted.integers:
        if key in document and not str(document[key]).isdecimal():
            sentence = f"{key} is {document[key]!r}; the checker breaks on it."
            yield entry.finding(path, sentence, "Give a whole number.")
    status = str(document.get("status", "")).lower()
    if status and status not in wanted.statuses:
        choice = ", ".join(wanted.statuses)
        yield entry.finding(path, f"status is {status}.", f"Choose one of {choice}.")
    for key, name in (("division", entry.division), ("submitter", entry.submitter)):
        said = str(document.get(key, ""))
        if said and said.lower() != name.lower():
            yield entry.finding(path, f"{key} is {said}; the folder is {name}.", "Make them alike.")


def _system_type(entry: TreeEntry, path: Path, said: str) -> Iterable[Finding]:
    types = entry.place.submission.system.types
    if said and said not in types:
        yield entry.finding(path, f"system_type is {said}.", f"Choose {' | '.join(types)}.")
    elif said and entry.benchmark and entry.benchmark.system_type not in said.split(","):
        yield entry.finding(
            path,
            f"system_type is {said}, and {entry.place.benchmark} is a benchmark of "
            f"{entry.benchmark.system_type}; the official checker breaks on it.",
            "State the right type, or use the benchmark's other id.",
        )


def measurements(entry: TreeEntry) -> Iterable[Finding]:
    """user.conf, README.md, the measurements file and the source."""
    folder, form = entry.place.measurements, entry.place.submission
    for name in form.measurement_documents:
        path = entry.root / folder / name
        if not path.is_file() or not path.stat().st_size:
            yield entry.finding(folder / name, "The file is missing or empty.", "Add it.")
    found = _measurements_file(entry)
    document, problem = _json(entry, found, "Add the measurements file.")
    yield from problem
    for key in form.measurements_required if document is not None else ():
        if not document or not document.get(key):
            yield entry.finding(found, f"The key {key} is missing or empty.", "State it.")
    source = entry.root / entry.place.source
    if not source.is_dir() or not any(path.is_file() for path in source.rglob("*")):
        yield entry.finding(
            entry.place.source, "There is no source of this benchmark.", "Add the code."
        )


def _measurements_file(entry: TreeEntry) -> Path:
    """The file of the round's name; in the old layout any that the checker would take."""
    expected = entry.place.measurements_file
    if (entry.root / expected).is_file() or "{" not in (
        entry.place.submission.layout.measurements_file
    ):
        return expected
    folder = entry.root / entry.place.measurements
    others = sorted(folder.glob(f"{entry.place.system}*.json"))
    return entry.place.measurements / others[0].name if others else expected


def _json(entry: TreeEntry, path: Path, remedy: str) -> tuple[dict[str, Any] | None, list[Finding]]:
    try:
        document = json.loads((entry.root / path).read_text(encoding="utf-8"))
    except OSError:
        return None, [entry.finding(path, "The file is missing.", remedy)]
    except ValueError as error:
        return None, [entry.finding(path, f"The file is not JSON: {error}.", "Mend it.")]
    if not isinstance(document, dict):
        return None, [entry.finding(path, "The file holds no JSON object.", "Mend it.")]
    return document, []
