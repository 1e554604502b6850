"""`sut campaign PLAN`: scenarios, modes, tests, systems and settings of one file, run by run."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, verb_parser
from sut.errors import Interrupted
from sut.output import as_far_as_it_goes, progress_console

if TYPE_CHECKING:
    from sut.campaign.campaign import Campaign
    from sut.campaign.plan import Plan
    from sut.campaign.planned import Planned
    from sut.campaign.report import Reported

CAMPAIGNS = Path("results/campaigns")
EPILOG = """\
examples:
  python -m sut.main campaign plan.yaml --dry-run
  python -m sut.main campaign plan.yaml --out campaign-1

a plan:
  scenarios: [Offline, Server]
  modes: [performance, accuracy]
  common: {server.target_qps: 2, offline.target_qps: 8}
  settings:
    base: {}
    small-batch: {engine.vllm.max_num_seqs: 8}

Each stage is one LoadGen run with an engine of its own, or a search (tune, peak). The same call
goes on where it was stopped: what was VALID or found is kept while its configuration, the code and
the data set are the same.
docs/campaign.md has every word of a plan.

exit codes:
  0    every run is VALID, and every search found what it is for
  1    a stage is INVALID, or failed; the report says which, and why
  2    bad input, told before anything starts
  130  interrupted
"""


def main(arguments: Sequence[str]) -> int:
    """Make every stage that is not kept, and one report of all.

    Returns:
        0 if every run is VALID and every search has found, 1 if not, 130 after Ctrl-C.

    Raises:
        HarnessError: bad input (2).
    """
    options = parser().parse_args(arguments)

    from sut.api import configure
    from sut.campaign.campaign import Campaign
    from sut.campaign.plan import read_plan
    from sut.campaign.planned import foretold, foretold_document, planned
    from sut.record.alone import alone_in

    plan = read_plan(options.plan)
    out = options.out or CAMPAIGNS / options.plan.stem
    stages = planned(plan, out, configure)
    _say_notes(stages)
    console = progress_console(quiet=options.quiet)
    if options.dry_run:
        document = foretold_document(plan, stages) if options.json else None
        print(json.dumps(document, indent=2) if document else "\n".join(foretold(plan, stages)))
        return 0
    for line in foretold(plan, stages):
        console.print(line, highlight=False, soft_wrap=True)
    again = partial(planned, plan, out, configure)
    with alone_in(out):
        campaign = Campaign(out, stages, console, options.stop_on_invalid, again)
        return _made(campaign, plan, as_json=options.json)


def _made(campaign: Campaign, plan: Plan, *, as_json: bool) -> int:
    """Make it, and its report; the exit code."""
    from sut.campaign.report import report_of

    campaign.run()
    report = report_of(campaign, plan)
    try:
        report.write()
    finally:  # a disk that takes no report takes no verdict from the screen
        _show(report, interrupted=campaign.interrupted, as_json=as_json)
    if campaign.broke is not None:
        raise campaign.broke
    if campaign.interrupted:
        return Interrupted.exit_code
    return 0 if campaign.valid else 1


def _show(report: Reported, *, interrupted: bool, as_json: bool) -> None:
    """The report; the verdict decides how we exit, not the terminal."""
    with as_far_as_it_goes():
        if as_json:
            print(json.dumps(report.document, indent=2))
            return
        print(f"{report.text}Report: {report.page}")
        if interrupted:
            print("Interrupted; the same command goes on from here.")


def _say_notes(stages: Iterable[Planned]) -> None:
    """What was given and has no effect, each once."""
    from sut.config.strays import unread_variables

    notes = [note for each in stages for note in each.measuring.loaded.notes]
    for note in dict.fromkeys((*unread_variables(os.environ), *notes)):
        print(f"Note: {note}.", file=sys.stderr)


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "campaign", "Run scenarios x modes x tests x systems x settings, stage by stage.", EPILOG
    )
    add = made.add_argument
    add("plan", type=Path, metavar="PLAN", help="the plan, a YAML file")
    add("--out", type=Path, metavar="DIR", help=f"stages, sessions, report ({CAMPAIGNS}/PLAN)")
    add("--dry-run", action="store_true", help="show the stages and how long each takes, and stop")
    add("--stop-on-invalid", action="store_true", help="make no stage after one that is not VALID")
    add("--quiet", action="store_true", help="no progress on stderr, only what it ends with")
    add("--json", action="store_true", help="print the report as JSON; with --dry-run the stages")
    return made
