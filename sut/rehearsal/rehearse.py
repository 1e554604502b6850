"""A submission from the first query to the checked tree, with a model that costs nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from rich.console import Console

from sut.campaign.measuring import Loader
from sut.campaign.stages import Finished, Stage, kept, run_stages
from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.machine.hardware import package_version
from sut.record.alone import alone_in
from sut.record.folder import sha256_of, write_again
from sut.rehearsal.measure import measuring_stages, overrides, reduced
from sut.submission.check_tree import Finding, check_tree
from sut.submission.make_tree import SubmissionPlan, check_plan, make_tree
from sut.submission.official import checker_program
from sut.submission.statement import example_statement

# Both take seconds, but for the copying and hashing of full accuracy logs.
TREE_S = 30.0
CHECK_S = 30.0


@dataclass(frozen=True)
class Request:
    """What is rehearsed, and where it is kept."""

    round: str
    out: Path
    division: str
    submitter: str
    checker: Path | None
    fast: bool


@dataclass(frozen=True)
class Report:
    """How a rehearsal ended."""

    finished: list[Finished]
    failed: str | None
    """The stage that was found wanting; None if none was."""
    findings: list[Finding]


def rehearse(request: Request, load: Loader, console: Console) -> Report:
    """Make every stage that is not kept; each says beforehand how long it will take.

    Raises:
        HarnessError: bad input, told before the first engine starts; or one that did not start.
        KeyboardInterrupt: stopped; the next call resumes.
    """
    check_plan(_plan(request, ()))
    if request.checker is not None:
        checker_program(request.checker)
    _make_out(request.out)
    with alone_in(request.out):
        return _rehearsed(request, load, console)


def _rehearsed(request: Request, load: Loader, console: Console) -> Report:
    base = overrides(request.round, request.out, fast=request.fast)
    measuring = measuring_stages(load, base, console)
    _foretell(request, measuring, console)
    say = partial(_announce, console)
    finished = list(run_stages(request.out, measuring, say))
    if finished[-1].left is None:
        return Report(finished, finished[-1].stage.name, [])
    sessions = [each.left for each in finished if each.left is not None]
    tree = _tree_stage(request, sessions)
    finished += run_stages(request.out, [tree], say)
    rules = load_round(request.round)
    findings = check_tree(
        finished[-1].left or request.out,
        reduced(rules) if request.fast else rules,
        request.checker,
    )
    _write_findings(request, findings)
    wrong = any(each.severity == "error" for each in findings)
    return Report(finished, "check" if wrong else None, findings)


def _make_out(out: Path) -> None:
    """The folder, and the first one in it: who may make that may write the rest."""
    try:
        (out / "stages").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{out} cannot be made or written to: {error.strerror}.",
            where="--out",
            remedy="Name a folder that you may write to, or one that can be made.",
        ) from error


def _foretell(request: Request, stages: Sequence[Stage], console: Console) -> None:
    """Say how long it will take, before the first engine starts."""
    open_ = [each for each in stages if kept(request.out, each) is None]
    seconds = sum(each.estimate_s for each in open_) + TREE_S + CHECK_S
    kind = "a fast rehearsal (reduced counts)" if request.fast else "a rehearsal at official counts"
    console.print(
        f"Round {request.round}, {request.division} division, {kind}: "
        f"{len(open_)} of {len(stages)} runs to make, about {seconds / 60:.0f} minutes.",
        highlight=False,
        soft_wrap=True,
    )
    if request.division == "closed":
        console.print(
            "Random weights miss closed's accuracy targets: the check will name accuracy, and "
            "should name nothing else.",
            highlight=False,
            soft_wrap=True,
        )


def _announce(console: Console, stage: Stage, left: Path | None) -> None:
    if left is None:
        console.rule(f"{stage.name}, about {stage.estimate_s / 60:.1f} minutes", align="left")
    else:
        console.print(f"{stage.name}: kept, {left.name}", highlight=False)


def _tree_stage(request: Request, sessions: Sequence[Path]) -> Stage:
    """A tree of other inputs is another stage, and never overwrites it."""
    inputs: dict[str, Any] = {
        "round": request.round,
        "division": request.division,
        "submitter": request.submitter,
        "fast": request.fast,
        "harness": package_version("sut-mlperf"),
        "sessions": {
            str(path.relative_to(session)): sha256_of(path)
            for session in sessions
            for path in sorted(session.glob("*/*/run.json"))
        },
    }
    return Stage("tree", inputs, TREE_S, partial(make_tree, _plan(request, sessions)))


def _plan(request: Request, sessions: Sequence[Path]) -> SubmissionPlan:
    return SubmissionPlan(
        round=request.round,
        division=request.division,
        submitter=request.submitter,
        system=example_statement(),
        out=_free(request.out),
        sessions=tuple(sessions),
        rehearsal=True,
    )


def _free(out: Path) -> Path:
    """A name for the tree that no earlier one has, whichever of them were removed."""
    names = (f"tree-{number}" if number > 1 else "tree" for number in count(1))
    paths = (out / name for name in names)
    return next(path for path in paths if not (path.exists() or path.is_symlink()))


def _write_findings(request: Request, findings: Sequence[Finding]) -> None:
    """`check.json`: what the last check of the tree said; a later check replaces it."""
    write_again(
        request.out / "check.json", json.dumps([vars(each) for each in findings], indent=2) + "\n"
    )
