"""`sut simulate RUN`: what a recorded run would have been with other settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import SCENARIOS, FlagParser, to_overrides, verb_parser

EPILOG = """\
examples:
  python -m sut.main simulate results/mlperf_datacenter/NODE_TIME --set server.target_qps=4
  python -m sut.main simulate RUN --set engine.replicas=4 --set engine.ray.dispatch=equal
  python -m sut.main simulate RUN --against RUN2 RUN3

What is printed is foretold by a model that is fitted to the run, and never measured. The model's
own error comes first: how well it foretells the run that it is from. --against says how well it
foretells others. docs/simulate.md has the model, and what it leaves out.

exit codes:
  0  foretold, whatever it says
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Foretell and print.

    Raises:
        LogError: there is no run to simulate.
        ConfigError: a setting that no simulation reads, or a run of another task.
    """
    options = parser().parse_args(arguments)

    from sut.config.names import Scenario
    from sut.simulate.foretell import foretell_all
    from sut.simulate.source import read_source
    from sut.simulate.text import document_of, simulation_text

    source = read_source(options.run, Scenario(options.of) if options.of else None)
    others = [read_source(path, source.run.scenario) for path in options.against]
    found = foretell_all(source, others, to_overrides(options))
    if options.json:
        print(json.dumps(document_of(found), indent=2))
    else:
        print(simulation_text(found), end="")
    return 0


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "simulate",
        "Foretell a run with other settings, by a model fitted to a recorded one.",
        EPILOG,
    )
    add = made.add_argument
    add("run", type=Path, metavar="RUN", help="a session's folder, or its result's file")
    # `to_overrides` takes `scenario` for the run verb's.
    add(
        "--scenario",
        dest="of",
        choices=SCENARIOS,
        metavar="NAME",
        help=f"{', '.join(SCENARIOS)}: which, where the session has several",
    )
    add(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        dest="assignments",
        help="set a rate, a limit of batches, a policy; repeat the flag for more",
    )
    add(
        "--against",
        type=Path,
        nargs="+",
        default=[],
        metavar="RUN",
        help="foretell these runs too, and say how far that is off",
    )
    add("--json", action="store_true", help="print JSON")
    return made
