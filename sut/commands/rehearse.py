"""`sut rehearse`: every step of a submission with a model that costs nothing."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, verb_parser
from sut.config.shipped import DEFAULT_ROUND, round_help
from sut.errors import Interrupted
from sut.output import progress_console

if TYPE_CHECKING:
    from sut.campaign.measuring import Loader
    from sut.campaign.plan import Override
    from sut.rehearsal.rehearse import Report

EPILOG = """\
example:
  python -m sut.main rehearse --round v6.1 --out rehearsal --checker inference

A rehearsal runs performance, accuracy and TEST06 of Offline, Server and Interactive. Then it makes
the submission tree and checks it. A tiny model of random weights answers, through real vLLM and
LoadGen, at official counts and durations. The command says beforehand how long it takes.

Call it again with the same --out, and it goes on where it was stopped. A finished stage is kept
while its inputs are the same.
"""


def main(arguments: Sequence[str]) -> int:
    """Rehearse.

    Returns:
        0 if every stage succeeded and the tree is clean, 1 if not, 130 after Ctrl-C.

    Raises:
        HarnessError: bad input (2), or an engine that did not start (3).
    """
    options = parser().parse_args(arguments)

    from sut.rehearsal.rehearse import Request, rehearse

    request = Request(
        round=options.round,
        out=options.out,
        division=options.division,
        submitter=options.submitter,
        checker=options.checker,
        fast=options.fast,
    )
    try:
        report = rehearse(request, _loader(), progress_console())
    except KeyboardInterrupt:
        print(f"Interrupted; the same command goes on from here ({options.out}/stages).")
        return Interrupted.exit_code
    _show(report, as_json=options.json)
    return 1 if report.failed else 0


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "rehearse",
        "Rehearse a whole submission before any GPU is rented.",
        EPILOG,
    )
    add = made.add_argument
    add("--round", default=DEFAULT_ROUND, metavar="vX.Y", help=round_help())
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for sessions, stages and tree",
    )
    add(
        "--division", choices=("open", "closed"), default="open", help="division of the tree (open)"
    )
    add(
        "--submitter",
        default="Rehearsal",
        metavar="NAME",
        help="the submitter's folder (Rehearsal)",
    )
    add("--checker", type=Path, metavar="DIR", help="run MLCommons' checker of this checkout too")
    add("--fast", action="store_true", help="take minutes at reduced counts, and mark the tree")
    add("--json", action="store_true", help="print JSON")
    return made


def _loader() -> Loader:
    from sut.config.between_fields import check_loadgen
    from sut.config.rounds import load_round
    from sut.config.sources import Loaded, load
    from sut.inputs.variables import planned_variables
    from sut.machine.hardware import package_version
    from sut.machine.processor import has_avx512
    from sut.machine.variables import undeclared

    def resolved(overrides: Sequence[Override]) -> Loaded:
        # No environment: a rehearsal is the same for everyone.
        host = platform.node()
        return load(overrides, environment={}, card=None, host_name=host, avx512=has_avx512())

    def loader(overrides: Sequence[Override]) -> Loaded:
        loaded = resolved(overrides)
        # What reaches its engine is stated, not refused: a rehearsal is never submitted.
        if names := undeclared(planned_variables(loaded.config, os.environ), ()):
            loaded = resolved([*overrides, ("engine.environment", names, "environment")])
        installed = package_version("mlcommons-loadgen", "mlcommons_loadgen")
        check_loadgen(load_round(loaded.config.round), installed)
        return loaded

    return loader


def _show(report: Report, *, as_json: bool) -> None:
    stages = [
        {
            "stage": each.stage.name,
            "left": None if each.left is None else os.fspath(each.left),
            "kept": each.kept,
        }
        for each in report.finished
    ]
    if as_json:
        findings = [vars(each) for each in report.findings]
        print(
            json.dumps({"failed": report.failed, "stages": stages, "findings": findings}, indent=2)
        )
        return
    for each in stages:
        state = "kept" if each["kept"] else "made"
        print(f"{each['stage']:<28} {state if each['left'] else 'FAILED'}  {each['left'] or ''}")
    for finding in report.findings:
        print(f"{finding.severity}: {finding.place}: {finding.sentence} {finding.remedy}")
    print(f"FAILED at {report.failed}" if report.failed else "The rehearsal went through.")
