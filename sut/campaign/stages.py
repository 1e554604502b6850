"""Stages that are kept: a finished one is not repeated while its inputs are the same.

`<out>/stages/<name>.json` holds the hash of a stage's inputs, the inputs themselves and what
the stage left, and how long it took. It is written when the stage has succeeded, so what was
interrupted resumes at the stage it was in.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field

from sut.errors import ConfigError, LogError, RunError
from sut.record.folder import unwritable, write_atomic
from sut.record.frozen import Facts
from sut.record.session import as_model, read_document


class MadeAndStopped(KeyboardInterrupt):
    """Somebody asked to end when a stage was made already: it is kept, and no other is made.

    Args:
        left: what the stage leaves; None: it was found wanting.
    """

    def __init__(self, left: Path | None):
        super().__init__()
        self.left = left


@dataclass(frozen=True)
class Stage:
    """One step of a rehearsal or a campaign.

    `inputs` is everything that decides its outcome, as JSON values; `make` returns what it
    leaves, or raises; None means that it was measured and found wanting. `holds` says whether what
    an earlier call left is still what it was kept as: its record is a file that anyone can edit.
    """

    name: str
    inputs: dict[str, Any]
    estimate_s: float
    make: Callable[[], Path | None]
    holds: Callable[[Path], bool] = Path.exists


@dataclass(frozen=True)
class Finished:
    """A stage and what it left; `kept` if that was there already. `left` None: it failed."""

    stage: Stage
    left: Path | None
    kept: bool


def inputs_sha256(stage: Stage) -> str:
    """Hash of a stage's inputs, the same for the same values in any order."""
    text = json.dumps(stage.inputs, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def kept(out: Path, stage: Stage) -> Path | None:
    """What an earlier call left of this stage with these inputs, if it is still there.

    Raises:
        ConfigError: the record is not one of ours.
    """
    found = _recorded(out, stage.name)
    if found is None or found.inputs_sha256 != inputs_sha256(stage):
        return None
    left = out / found.left
    return left if left.exists() and stage.holds(left) else None


def took_s(out: Path, name: str) -> float | None:
    """Seconds that the stage of this name took when it was made last, whatever its inputs were.

    Raises:
        ConfigError: the record is not one of ours.
    """
    found = _recorded(out, name)
    return None if found is None else found.took_s


class _Recorded(Facts):
    """A record as it was read; `took_s` None: an early one, which does not say."""

    model_config = ConfigDict(extra="ignore")

    inputs_sha256: str
    left: Path
    took_s: float | None = Field(None, ge=0, allow_inf_nan=False)


def _recorded(out: Path, name: str) -> _Recorded | None:
    record = out / "stages" / f"{name}.json"
    if not os.path.lexists(record):
        return None
    try:
        return as_model(_Recorded, read_document(record), record)
    except LogError as error:
        raise ConfigError(
            f"the record of a finished stage cannot be read: {error.message}",
            where=str(record),
            remedy="Remove it; the stage is then made again.",
        ) from error


def run_stages(
    out: Path,
    stages: Sequence[Stage],
    announce: Callable[[Stage, Path | None], None],
    *,
    go_on: bool = False,
) -> Iterator[Finished]:
    """Make each stage that is not kept, in order.

    Args:
        out: where the records are.
        stages: in the order in which they are made.
        announce: called before each, with what is kept of it.
        go_on: past a stage that failed; else it is the last.

    Raises:
        KeyboardInterrupt: of the stage that is being made.
        RunError: what a stage left cannot be recorded.
    """
    _make(out / "stages")
    for stage in stages:
        left = kept(out, stage)
        announce(stage, left)
        if left is not None:
            yield Finished(stage, left, kept=True)
            continue
        began_s = time.monotonic()
        stopped = None
        try:
            left = stage.make()
        except MadeAndStopped as error:
            left, stopped = error.left, error
        if left is not None:
            _keep(out, stage, left, time.monotonic() - began_s)
        if stopped is not None:
            raise stopped
        yield Finished(stage, left, kept=False)
        if left is None and not go_on:
            return


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error, "--out") from error


def _keep(out: Path, stage: Stage, left: Path, seconds: float) -> None:
    try:
        _record(out, stage, left, seconds)
    except OSError as error:
        raise RunError(
            f"{stage.name} cannot be recorded, and would be made again: {error.strerror}.",
            where=str(out / "stages"),
            remedy=f"Mend that, and start again. What it left is in {left}.",
        ) from error


def _record(out: Path, stage: Stage, left: Path, seconds: float) -> None:
    record = out / "stages" / f"{stage.name}.json"
    _make(record.parent)  # somebody may have tidied up meanwhile
    record.unlink(missing_ok=True)  # of other inputs: superseded
    document = {
        "stage": stage.name,
        "inputs_sha256": inputs_sha256(stage),
        "left": str(left.resolve().relative_to(out.resolve())),
        "finished_utc": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(seconds, 3),
        "inputs": stage.inputs,
    }
    write_atomic(record, json.dumps(document, indent=2, sort_keys=True, default=str) + "\n")
