"""What systems/<system>.json must say: every key, values that can be, none against another."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sut.config.rounds import SystemFileRules
from sut.submission.file_checks import read_json
from sut.submission.files import filled, hidden_character
from sut.submission.findings import Finding, Severity
from sut.submission.walk import TreeEntry

DIGITS = re.compile(r"[0-9]+")
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?")
# Nothing that a system has is counted in more.
MOST_DIGITS = 7
MOST_SHOWN = 20


def system(entry: TreeEntry) -> Iterable[Finding]:
    """systems/<system>.json: every key, filled, with values the checker can use."""
    path = entry.place.system_file
    document, problem = read_json(entry, path, "Add the system's description.")
    yield from problem
    if document is None:
        return
    yield from _system_keys(entry, path, document)
    yield from _system_values(entry, path, document)
    types = document.get("system_type", "")
    yield from _system_type(entry, path, str(types) if _plain(types) else "")
    yield from _accelerators(entry, path, document)


def _system_keys(entry: TreeEntry, path: Path, document: dict[str, Any]) -> Iterable[Finding]:
    wanted = entry.place.submission.system
    for key in (*wanted.must_be_filled, *wanted.may_be_empty):
        if key not in document:
            yield entry.finding(path, f"The key {key} is missing.", "State it.")
        elif key in wanted.must_be_filled and not filled(document[key]):
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
        if not _plain(value):
            parts = key in wanted.may_be_structured and isinstance(value, list | dict)
            severity: Severity = "warning" if parts else "error"
            sentence = f"{key} is neither text nor number."
            yield entry.finding(path, sentence, "State it in words.", severity)
        elif hidden := hidden_character(f"{key}{value}"):
            sentence = f"{key} holds {hidden}, which nobody sees."
            yield entry.finding(path, sentence, "Write it anew.")
    # Of what is not there, and of what is no value at all, everything is said.
    said = {key: value for key, value in document.items() if _plain(value) and filled(value)}
    yield from _numbers(entry, path, said)
    status = str(said.get("status", "")).lower()
    if status and status not in wanted.statuses:
        choice = ", ".join(wanted.statuses)
        yield entry.finding(path, f"status is {status}.", f"Choose one of {choice}.")
    for key, name in (("division", entry.division), ("submitter", entry.submitter)):
        words = str(said.get(key, ""))
        if words and words.lower() != name.lower():
            sentence = f"{key} is {words}; the folder is {name}."
            yield entry.finding(path, sentence, "Make them alike.")


def _plain(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _numbers(entry: TreeEntry, path: Path, said: dict[str, Any]) -> Iterable[Finding]:
    """Whole numbers where the checker wants them; where one is, it is one that can be."""
    wanted = entry.place.submission.system
    for key in dict.fromkeys((*wanted.integers, *wanted.counts, *wanted.amounts)):
        text = str(said.get(key, "")).strip() if key in said else None
        if text is None:
            continue
        if key in wanted.integers and not DIGITS.fullmatch(str(said[key])):
            breaks = "" if _is_int(text) else "; the checker breaks on it"
            sentence = f"{key} is {_short(repr(said[key]))}{breaks}."
            yield entry.finding(path, sentence, "Give a whole number.")
        elif NUMBER.fullmatch(text) and (
            len(text) > MOST_DIGITS
            or float(text) < 0
            or (key not in wanted.amounts and not float(text))
        ):
            sentence = f"{key} is {_short(text)}."
            yield entry.finding(path, sentence, "State how many there are.")


def _is_int(text: str) -> bool:
    """Whether the checker's int() takes it."""
    try:
        return isinstance(int(text), int)
    except ValueError:
        return False


def _short(text: str) -> str:
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


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
    if not DIGITS.fullmatch(count) or len(count) > MOST_DIGITS:
        return  # said already
    none = {word.casefold() for word in wanted.none_words}
    told = {"model": wanted.accelerator_name, "memory": wanted.accelerator_memory}
    for what, key in told.items():
        value = document.get(key)
        if not _plain(value) or (key in wanted.must_be_filled and not filled(value)):
            continue  # said already
        words = str(value).strip()
        named = words.casefold() not in none
        if int(count) and not named:
            sentence = f"{wanted.accelerator_count} is {count}, and their {what} is {words!r}."
            yield entry.finding(path, sentence, f"State {key}.")
            return
        if named and not int(count):
            sentence = f"{wanted.accelerator_count} is 0, and their {what} is {words}."
            yield entry.finding(path, sentence, f"State {wanted.accelerator_count}.")
            return
