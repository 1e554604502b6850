"""What a submission tree is to be made of, and the refusal to make one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sut.errors import ConfigError
from sut.submission.statement import SystemStatement

DIVISIONS = ("closed", "open")


@dataclass(frozen=True)
class SubmissionPlan:
    """Everything that decides a tree."""

    round: str
    division: str
    submitter: str
    system: SystemStatement
    out: Path
    sessions: tuple[Path, ...]
    """Session folders, or folders that hold several."""
    rehearsal: bool = False
    """The tree is marked as no submission; quick profile and synthetic data are let in."""
    dataset: Path | None = None
    """The data set's file, to score the answers again; None: where the runs had it."""
    model: Path | None = None
    """A folder with the model's tokenizer, for the same; None: where the runs had it."""


class Refused(ConfigError):
    """The runs make no submission; every reason, not only the first."""

    def __init__(self, reasons: Sequence[str]):
        count = f"{len(reasons)} reasons stand" if len(reasons) > 1 else "one reason stands"
        lines = "".join(f"\n  {reason}" for reason in reasons)
        super().__init__(f"no tree was made; {count} against it:{lines}")
        self.reasons = tuple(reasons)
