"""What a folder is, and who verifies it."""

from __future__ import annotations

from pathlib import Path

from sut.accuracy.evaluate import Sources
from sut.cluster.collect import SESSION_MARK
from sut.errors import ConfigError
from sut.record.locate import PUBLISHED, session_folder
from sut.submission.structure import DIVISIONS
from sut.verify.nodes import sum_of, verify_nodes
from sut.verify.session import verify_session
from sut.verify.standing import Item
from sut.verify.tree import verify_tree


def verify(path: Path, round_: str, sources: Sources | None = None) -> list[Item]:
    """Everything that a session, a coordinated run or a tree proves, states and contradicts.

    Args:
        path: its folder, or the published file of its result.
        round_: of a tree; a session names its own.
        sources: data set and model from elsewhere than the runs had them.

    Raises:
        ConfigError: it is none of these.
        LogError: a file of a session is missing or malformed.
    """
    if path.is_file() and path.name.startswith(PUBLISHED):
        path = session_folder(path)
    if (path / SESSION_MARK).is_file():
        return verify_session(path, sources)
    if (summed := sum_of(path)) is not None:
        return verify_nodes(summed, sources)
    if any((path / division).is_dir() for division in DIVISIONS):
        return verify_tree(path, round_)
    why = "it is neither a session, nor a coordinated run, nor a submission tree."
    raise ConfigError(
        why if path.exists() else "there is no such folder.",
        where=str(path),
        remedy=f"Name a folder with {SESSION_MARK}, or the folder above closed/ or open/.",
    )
