"""`sut regress --baseline FILE RUN`: a gate for CI on the figures of a run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sut.config.flags import FlagParser, above_zero, verb_parser

EPILOG = """\
examples:
  python -m sut.main regress --baseline baseline.json results/mlperf_datacenter/NODE_TIMESTAMP
  python -m sut.main regress --baseline OLD1,OLD2,OLD3 NEW1,NEW2,NEW3 --junit regress.xml

A figure fails that is worse than the baseline's beyond the noise of both. The noise is found from
their ledgers, or from repeats joined with commas. A stored file without its session beside it has
none: such figures are skipped, unless --tolerance says what does not matter.

exit codes:
  0  nothing is worse beyond noise
  1  a figure is worse, the run lacks one, or the run is not VALID
  2  bad input; or the two are of another task, machine or engine settings
"""


def main(arguments: Sequence[str]) -> int:
    """Hold and print.

    Returns:
        0 if nothing failed, else 1.

    Raises:
        LogError: one is no result.
        ConfigError: they cannot be held against each other.
    """
    options = parser().parse_args(arguments)

    from sut.compare.comparison import compared
    from sut.compare.gate import Outcome, gate_of
    from sut.compare.junit import junit_xml
    from sut.record.folder import write_asked

    comparison = compared([options.baseline, options.run], (options.tolerance or 0.0) / 100)
    gate = gate_of(comparison, any_system=options.any_system)
    if options.junit is not None:
        write_asked("--junit", options.junit, junit_xml(gate))
    if options.json:
        held = [asdict(each) for each in gate.held]
        print(json.dumps({"passed": gate.passed, "held": held}, indent=2))
        return 0 if gate.passed else 1
    for each in gate.held:
        print(f"{each.outcome.value:8}{each.group:13}{each.sentence}")
    failed = sum(each.outcome is Outcome.FAILED for each in gate.held)
    skipped = sum(each.outcome is Outcome.SKIPPED for each in gate.held)
    print(f"{len(gate.held)} held, {failed} failed, {skipped} could not be judged.")
    return 0 if gate.passed else 1


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "regress",
        "Hold a run against a stored one: is any figure worse beyond noise?",
        EPILOG,
    )
    add = made.add_argument
    add("run", metavar="RUN", help="session's folder or result; repeats joined with commas")
    add("--baseline", required=True, metavar="RUN", help="what it is held against")
    add("--junit", type=Path, metavar="FILE", help="write JUnit XML to a new file")
    add(
        "--tolerance",
        type=above_zero("--tolerance", 1000, example=2),
        metavar="PERCENT",
        help="change that does not matter, added to the noise (0)",
    )
    add(
        "--any-system",
        action="store_true",
        help="take another machine, or other engine settings, all the same",
    )
    add("--json", action="store_true", help="print JSON")
    return made
