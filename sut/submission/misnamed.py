"""A name that is right but for capitals: the checker looks for the other, and so do we."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sut.submission.findings import Finding

CALLED = "This must be called "
LEAST_LETTERS = 3


def misnamed(path: Path, wanted: Iterable[str]) -> str | None:
    """The wanted name that a file or folder was meant to have; None where there is none.

    Args:
        path: what lies there by another name.
        wanted: the names that its folder may hold.
    """
    spelled = path.name.casefold()
    return next(
        (
            name
            for name in wanted
            if name.casefold() == spelled
            and name != path.name
            and not path.with_name(name).exists()
        ),
        None,
    )


def alike(path: Path, required: Iterable[str]) -> str | None:
    """The file that one of a name much like it was meant to be, where it is asked for and missing.

    Args:
        path: what lies there by another name.
        required: the files that its folder must hold.
    """
    if not path.is_file():
        return None
    stem = path.stem.casefold()
    for name in required:
        wanted = Path(name).stem.casefold()
        long = min(len(stem), len(wanted)) >= LEAST_LETTERS
        close = stem == wanted or (long and (stem.startswith(wanted) or wanted.startswith(stem)))
        if close and not path.with_name(name).exists():
            return name
    return None


def called(name: str) -> str:
    """What is said of it."""
    return f"{CALLED}{name}."


def meant(findings: Iterable[Finding]) -> set[str]:
    """The places that are missing only because something there has another name."""
    return {
        f"{each.place.rpartition('/')[0]}/{each.sentence.removeprefix(CALLED)[:-1]}"
        for each in findings
        if each.sentence.startswith(CALLED)
    }
