"""What a session left, by SHA-256, as it was closed: a file that is not so is no longer evidence.

Whoever can write into the folder can write this file anew, too. It binds what belongs together and
tells apart what was mixed, copied in or edited in one place. A record that is made up as a whole
passes: for that LoadGen's logs, the ledger and the configuration are held against each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

from pydantic import Field

from sut.record.folder import NODE_LOG, SessionDir, sha256_of, write_atomic
from sut.record.frozen import Facts

# Made from the evidence, now or later; or, as the node's log, put beside it by whoever fetched it.
NOT_EVIDENCE = frozenset(
    {"manifest.json", "result.json", "summary.txt", "result_of_node.json", "summary_of_node.txt"}
    | {"report.html", "compliance.json", "compliance.html", "queries.parquet"}
    | {"accuracy.json", "accuracy.txt", "samples.json", "verification.json", "verify_accuracy.txt"}
    | {NODE_LOG}
)


class Manifest(Facts):
    """`manifest.json`: the evidence of a session as it was closed."""

    session_id: str | None
    files: dict[str, str] = Field(description="SHA-256 by path below the session's folder")


class Closed(Facts):
    """How a session's folder stands to its manifest."""

    session_id: str | None
    changed: tuple[str, ...] = Field((), description="files that are not as they were")
    missing: tuple[str, ...] = ()
    added: tuple[str, ...] = Field((), description="files that the session did not leave")

    def without(self, known: Collection[str]) -> Closed:
        """The same, but for files that somebody else judges."""
        left = {
            name: tuple(each for each in getattr(self, name) if each not in known)
            for name in ("changed", "missing")
        }
        return self.model_copy(update=left)

    @property
    def contradictions(self) -> str:
        """In words; none if it stands as it was left."""
        found = [
            *(f"{name} was changed" for name in self.changed),
            *(f"{name} is gone" for name in self.missing),
            *(f"{name} was added" for name in self.added),
        ]
        return "; ".join(found) or "none"


def evidence_files(root: Path) -> Iterable[str]:
    """Every file that the session left and did not make from others, by its path below it."""
    for path in sorted(root.rglob("*")):
        # A name with a dot in front is one that is being written, or the file system's own.
        if path.is_file() and path.name not in NOT_EVIDENCE and not path.name.startswith("."):
            yield path.relative_to(root).as_posix()


def close_session(folder: SessionDir, session_id: str | None) -> None:
    """Write the manifest; nothing of the session's own is written after it.

    Raises:
        FileExistsError: the session was closed before.
    """
    files = {name: sha256_of(folder.root / name) for name in evidence_files(folder.root)}
    manifest = Manifest(session_id=session_id, files=files)
    write_atomic(folder.manifest, manifest.model_dump_json(indent=2) + "\n")


def compare(root: Path, manifest: Manifest) -> Closed:
    """Hold the folder to its manifest."""
    here = set(evidence_files(root))
    listed = manifest.files
    return Closed(
        session_id=manifest.session_id,
        changed=tuple(
            name for name in sorted(here & set(listed)) if sha256_of(root / name) != listed[name]
        ),
        missing=tuple(sorted(set(listed) - here)),
        added=tuple(sorted(here - set(listed))),
    )
