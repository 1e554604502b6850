"""The SHA-256 that a scenario's README.md states of its runs' files, against the files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from sut.logs.detail import DETAIL_NAME
from sut.logs.summary import SUMMARY_NAME
from sut.record.folder import sha256_of
from sut.submission.files import CONVERTED, COPY_WHOLE, lines_of, was_converted
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry

# As documents.py writes it: <session>/<Scenario>/<kind>/<file>: <SHA-256>.
STATED = re.compile(r"- \S+/(?P<kind>[\w.]+)/(?P<name>[\w.]+): (?P<digest>[0-9a-f]{64})")
README = "README.md"


def stated_hashes(entry: TreeEntry) -> Iterable[Finding]:
    """Each file that the README names by its hash and that the tree holds whole."""
    readme = entry.root / entry.place.measurements / README
    if not readme.is_file():
        return  # said by file_checks.py
    folders = {"performance": entry.place.performance, "accuracy": entry.place.accuracy}
    for line in lines_of(readme):
        match = STATED.fullmatch(line)
        if match is None or match["name"] not in (DETAIL_NAME, SUMMARY_NAME):
            continue
        folder = folders.get(match["kind"])
        path = Path(folder or "") / match["name"]
        file = entry.root / path
        if folder and file.is_file() and sha256_of(file) != match["digest"]:
            if was_converted(file, {match["digest"]}):
                yield entry.finding(path, CONVERTED, COPY_WHOLE)
                continue
            sentence = f"{README} states another SHA-256 of this file."
            yield entry.finding(path, sentence, "Hand in the logs that the README is about.")
