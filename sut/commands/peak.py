"""`sut peak`: the highest rate at which Server or Interactive is VALID."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sut.config.flags import FlagParser, above_zero, add_count, build_parser, refuse_dry_run
from sut.errors import ConfigError, Interrupted
from sut.output import progress_console

if TYPE_CHECKING:
    import argparse

    from sut.config.sources import Loaded

EPILOG = """\
example:
  python -m sut.main peak --scenario Server --out peak-server
  python -m sut.main peak --scenario Interactive --profile mlperf --dataset cnn_eval.json --out peak

The same call with the same --out goes on with a search. Every trial is a session of its own below
--out, with LoadGen's logs. Only a run of full length confirms a rate, and only it is a result. The
search begins with the rate that you give, else with one that a probe measures.

Exit code 0: a rate is confirmed. 1: none is. docs/peak.md says how it searches.
"""
MOST_SECONDS = 86_400


def main(arguments: Sequence[str]) -> int:
    """Search, print where each limit stands, and leave peak.json and peak.html.

    Returns:
        0 if a rate is confirmed, 1 if none is, 130 after Ctrl-C.

    Raises:
        HarnessError: bad input (2), or an engine that did not start (3).
    """
    options = parser().parse_args(arguments)
    loaded = _loaded(options)

    from sut.peak.find import Asked, find_peak
    from sut.peak.report import render, write_found

    (scenario,) = loaded.config.scenarios
    asked = Asked(
        loaded=loaded,
        scenario=scenario,
        out=options.out,
        tolerance=options.tolerance / 100,
        trials=options.trials,
        confirmations=options.confirmations,
        trial_s=options.trial_seconds,
    )
    found = find_peak(asked, progress_console(), lambda each: write_found(each, asked))
    document = write_found(found, asked)
    print(document if options.json else render(document), end="")
    if found.end is None:
        return Interrupted.exit_code
    return 0 if found.end.rate is not None else 1


def parser() -> FlagParser:
    """The flags of a run, and those of a search."""
    about = "Find the highest VALID rate. It takes the flags of a run, too."
    made = build_parser("python -m sut.main peak", about, EPILOG)
    _add(made.add_argument)
    return made


def _add(add: Callable[..., Any]) -> None:
    add(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder of the search; one that is there goes on",
    )
    add(
        "--tolerance",
        metavar="PERCENT",
        type=above_zero("--tolerance", 50, example=5),
        default=5.0,
        help="stop where the next rate that did not hold is so many percent above (5)",
    )
    add_count(add, "--trials", 100, 12, "at most")
    add_count(add, "--confirmations", 20, 4, "runs of full length at most")
    add(
        "--trial-seconds",
        metavar="S",
        type=above_zero("--trial-seconds", MOST_SECONDS, example=30),
        default=None,
        help="length of a trial (a quarter of the full one, 15 to 120 s)",
    )


def _loaded(options: argparse.Namespace) -> Loaded:
    """The configuration of the run that is to be confirmed.

    Raises:
        ConfigError: more than one scenario, or one without a rate to search for; a flag that a
            search has no use for.
    """
    from sut.commands.run import load_configuration, note_what_is_not_read
    from sut.config.names import Scenario
    from sut.plan.rate import with_probe_for

    refuse_dry_run(options, "peak", "search")
    loaded = load_configuration(options)
    if loaded.origins["scenarios"] == "default":
        options.scenario = [Scenario.SERVER.value]
        loaded = load_configuration(options)
    scenarios = loaded.config.scenarios
    if len(scenarios) != 1 or scenarios[0].loadgen_scenario != "Server":
        raise ConfigError(
            f"scenarios is {', '.join(scenarios)}, and a peak is searched of one of Server and "
            "Interactive.",
            where=loaded.origins["scenarios"],
            remedy="Give --scenario Server, or --scenario Interactive.",
        )
    note_what_is_not_read(loaded)
    return with_probe_for(loaded, scenarios[0], "peak")
