"""The verify.py of a tree of ours: is it the one that this version of the harness writes?

Whoever makes a tree can change it, and an auditor who runs it goes by what it says.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sut.config.rounds import Round, load_round
from sut.errors import ConfigError
from sut.given_file import given_bytes
from sut.submission.files import CONVERTED
from sut.submission.findings import Finding
from sut.submission.verifier import NAME, verifier_text

OURS = "sut"
"""The folder that lies beside it where the source is this harness's."""
NOT_OURS = f"This is not the {NAME} that this version of the harness writes."


def own_verifier(tree: Path, rules: Round) -> Iterable[Finding]:
    """A warning for each that is another: edited, or of another version."""
    found = [path for path in sorted(tree.glob(f"*/*/*/*/*/{NAME}")) if not path.is_symlink()]
    if not found:
        return
    wanted = {verifier_text(rules).encode()}
    with suppress(ConfigError):  # rules of nobody's round
        # A fast rehearsal is checked by reduced counts, and its tree carries the round's own.
        wanted.add(verifier_text(load_round(rules.name)).encode())
    first = min(wanted).partition(b"\n")[0]
    for path in found:
        text = _content(path)
        of_us = text.startswith(first) or (path.parent / OURS).is_dir()
        if of_us and text not in wanted:
            remedy = f"Verify with one of your own: verify --standalone --round {rules.name}."
            converted = text.replace(b"\r\n", b"\n") in wanted
            sentence = CONVERTED if converted else NOT_OURS
            yield Finding("warning", path.relative_to(tree).as_posix(), sentence, remedy)


def _content(path: Path) -> bytes:
    try:
        return given_bytes(path)
    except OSError:
        return b""
