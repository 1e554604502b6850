"""What lies beside a scenario's logs: user.conf, README.md, the measurements file, the source."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sut.given_file import given_bytes
from sut.submission.files import (
    DOCUMENT_SUFFIXES,
    filled,
    hidden_character,
    json_object,
    says_nothing,
    wordless,
)
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry


def measurements(entry: TreeEntry) -> Iterable[Finding]:
    """user.conf, README.md, the measurements file and the source."""
    folder, form = entry.place.measurements, entry.place.submission
    for name in form.measurement_documents:
        path = entry.root / folder / name
        if says_nothing(path):
            yield entry.finding(folder / name, "The file is missing or empty.", "Add it.")
        elif path.suffix in DOCUMENT_SUFFIXES and wordless(path):
            yield entry.finding(folder / name, "The document says nothing.", "Write it.")
    found = _measurements_file(entry)
    document, problem = read_json(entry, found, "Add the measurements file.")
    yield from problem
    for key in form.measurements_required if document is not None else ():
        value = document.get(key) if document else None
        if not filled(value):
            yield entry.finding(found, f"The key {key} is missing or empty.", "State it.")
        elif not isinstance(value, str):
            yield entry.finding(found, f"{key} is not a text.", "State it in words.")
        elif character := hidden_character(value):
            sentence = f"{key} holds {character}, which nobody sees."
            yield entry.finding(found, sentence, "Write it anew.")
    yield from _source(entry)


def _source(entry: TreeEntry) -> Iterable[Finding]:
    """Code of the benchmark; in older rounds a file may name the benchmark that lends its own."""
    folder = entry.root / entry.place.source
    if folder.parent.is_file():
        folder = folder.parent.parent / folder.parent.read_text("utf-8", "replace").strip()
    elif not folder.is_dir():
        folder = folder.parent
    if not folder.is_dir() or all(says_nothing(path) for path in folder.rglob("*")):
        sentence = "There is no source of this benchmark."
        yield entry.finding(entry.place.source, sentence, "Add the code.")


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


def read_json(
    entry: TreeEntry, path: Path, remedy: str
) -> tuple[dict[str, Any] | None, list[Finding]]:
    """A JSON object of a tree; None, and why, where there is none."""
    if says_nothing(entry.root / path):
        return None, [entry.finding(path, "The file is missing or empty.", remedy)]
    try:
        return json_object(given_bytes(entry.root / path).decode("utf-8")), []
    except OSError as error:
        sentence = f"The file cannot be read: {error.strerror}."
        return None, [entry.finding(path, sentence, "Mend it.")]
    except ValueError as error:
        return None, [entry.finding(path, f"The file is not JSON: {error}.", "Mend it.")]
