"""What systems/<system>.json must say: every key, values that can be, none against another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sut.config.rounds import SystemFileRules
from sut.submission.file_checks import read_json
from sut.submission.findings import Finding, Severity
from sut.submission.walk import TreeEntry


def system(entry: TreeEntry) -> Iterable[Finding]:
    """systems/<system>.json: every key, filled, with values the checker can use."""
    path = entry.place.system_file
    document, problem = read_json(entry, path, "Add the system's description.")
    yield from problem
    if document is None:
        return
    yield from _system_keys(entry, path, document)
    yield from _system_values(entry, path, document)
    yield from _system_type(entry, path, str(document.get("system_type", "")))
    yield from _accelerators(entry, path, document)


def _system_keys(entry: TreeEntry, path: Path, document: dict[str, Any]) -> Iterable[Finding]:
    wanted = entry.place.submission.system
    for key in (*wanted.must_be_filled, *wanted.may_be_empty):
        if key not in document:
            yield entry.finding(path, f"The key {key} is missing.", "State it.")
        elif key in wanted.must_be_filled and not document[key]:
            yield entry.finding(path, f"The key {key} is empty.", "State it.")
    if entry.closed and entry.division != "network" and _network(wanted, document):
        sentence = f"{wanted.network_key} is stated, and the division is {entry.division}."
        yield entry.finding(path, sentence, "Leave the key out.")


def _network(wanted: SystemFileRules, document: dict[str, Any]) -> bool:
    """Whether the checker takes the system for one of the network division, or breaks on it."""
    said = document.get(wanted.network_key, "")
    if not isinstance(said, str):
        return isinstance(said, int | float) and not isinstance(said, bool)  # else said already
    lacking = any(key not in document for key in wanted.network_keys)
    return said.lower() == "true" or bool(said and lacking)


def _system_values(entry: TreeEntry, path: Path, document: dict[str, Any]) -> Iterable[Finding]:
    wanted = entry.place.submission.system
    for key, value in document.items():
        if isinstance(value, list | dict | bool) or value is None:
            parts = key in wanted.may_be_structured and isinstance(value, list | dict)
            severity: Severity = "warning" if parts else "error"
            sentence = f"{key} is neither text nor number."
            yield entry.finding(path, sentence, "State it in words.", severity)
    for key in wanted.counts:
        if str(document.get(key, "")).strip() == "0":
            yield entry.finding(path, f"{key} is 0.", "State how many there are.")
    for key in wanted.integers:
        if document.get(key) and not str(document[key]).isdecimal():
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


def _accelerators(entry: TreeEntry, path: Path, document: dict[str, Any]) -> Iterable[Finding]:
    """As many as there are have a model; none has none."""
    wanted = entry.place.submission.system
    count = str(document.get(wanted.accelerator_count, "")).strip()
    if not count.isdecimal() or not document.get(wanted.accelerator_name):
        return  # said already
    model = str(document[wanted.accelerator_name]).strip()
    named = model.casefold() not in {word.casefold() for word in wanted.none_words}
    if int(count) and not named:
        sentence = f"{wanted.accelerator_count} is {count}, and their model is {model!r}."
        yield entry.finding(path, sentence, f"State {wanted.accelerator_name}.")
    elif named and not int(count):
        sentence = f"{wanted.accelerator_count} is 0, and their model is {model}."
        yield entry.finding(path, sentence, f"State {wanted.accelerator_count}.")
