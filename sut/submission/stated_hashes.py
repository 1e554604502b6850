"""The SHA-256 that a scenario's README.md states of its runs' files, against the files."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
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


def stated_hashes(entry: TreeEntry, told: Collection[str] = ()) -> Iterable[Finding]:
    """Each file that the README names by its hash and that the tree holds whole.

    Args:
        entry: the scenario.
        told: folders of which something is told already, as places of the tree.
    """
    readme = entry.root / entry.place.measurements / README
    if not readme.is_file():
        return  # said by file_checks.py
    differing = [
        (path, digest)
        for path, digest in _wrong(entry, readme)
        if entry.finding(path.parent, "", "").place not in told
    ]
    converted = [path for path, digest in differing if was_converted(entry.root / path, {digest})]
    yield from (entry.finding(path, CONVERTED, COPY_WHOLE) for path in converted)
    wrong = [path for path, _ in differing if path not in converted]
    if len(wrong) == 1:
        sentence = f"{README} states another SHA-256 of this file."
        yield entry.finding(wrong[0], sentence, "Hand in the logs that the README is about.")
    elif wrong:
        listed = ", ".join(each.as_posix() for each in wrong)
        sentence = f"It states another SHA-256 of {len(wrong)} files: {listed}."
        place = entry.place.measurements / README
        yield entry.finding(place, sentence, "Hand in the README of these runs.")


def _wrong(entry: TreeEntry, readme: Path) -> Iterable[tuple[Path, str]]:
    folders = {"performance": entry.place.performance, "accuracy": entry.place.accuracy}
    for line in lines_of(readme):
        match = STATED.fullmatch(line)
        if match is None or match["name"] not in (DETAIL_NAME, SUMMARY_NAME):
            continue
        folder = folders.get(match["kind"])
        path = Path(folder or "") / match["name"]
        file = entry.root / path
        if folder and file.is_file() and sha256_of(file) != match["digest"]:
            yield path, match["digest"]
