"""The accuracy log as it is handed in: its ends, and the SHA-256 of the whole.

Source: mlcommons/inference, tools/submission/truncate_accuracy_log.py.
"""

from __future__ import annotations

from pathlib import Path

from sut.config.rounds import AccuracyLogRules
from sut.record.folder import sha256_of


def shortened(path: Path, rules: AccuracyLogRules) -> str:
    """The log's first and last characters; a log shorter than one end stays whole.

    LoadGen writes ASCII, so characters are bytes, and a log of hundreds of megabytes need
    not be read whole.
    """
    kept, size = rules.kept_characters, path.stat().st_size
    with path.open("rb") as stream:
        if size < kept:
            return stream.read().decode("ascii")
        start = stream.read(kept)
        stream.seek(size - kept)
        end = stream.read(kept)
    return start.decode("ascii") + rules.separator + end.decode("ascii")


def with_hash(evaluation: str, log: Path) -> str:
    """The text of accuracy.txt with the line that names the whole log."""
    return f"{evaluation.rstrip()}\n\nhash={sha256_of(log)}\n"
