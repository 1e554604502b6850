"""`sut tune`: the engine's settings with which a scenario does best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sut.config.flags import FlagParser, above_zero, add_count, build_parser, refuse_dry_run, whole
from sut.errors import ConfigError, Interrupted
from sut.output import progress_console
from sut.tune.budget import BUDGET_S, budget_s

if TYPE_CHECKING:
    import argparse

    from sut.config.sources import Loaded
    from sut.tune.asked import Asked

EPILOG = """\
example:
  python -m sut.main tune --scenario Offline --budget 30m --out tune-offline
  python -m sut.main tune --scenario Server --budget 2h --set server.target_qps=8 --out tune-server
  python -m sut.main tune --scenario Offline --space engine.vllm.max_num_seqs=64,128,256

The same call with the same --out goes on with a search. Every trial is a process of its own, with
an engine start and a session below --out. The budget holds for the trials of all calls together;
the run of full length at the end comes on top. The file tuned.yaml in --out is then a --system.

Exit code 0: the run of full length is VALID. 1: it is not. docs/tune.md says how it searches.
"""
MOST_SECONDS = 86_400


def main(arguments: Sequence[str]) -> int:
    """Search, print what each setting does, and leave tune.json and tuned.yaml.

    Returns:
        0 if the run of full length is VALID, 1 if not, 130 after Ctrl-C.

    Raises:
        HarnessError: bad input (2), or given settings that fail (1).
    """
    options = parser().parse_args(arguments)
    asked = _asked(options, _loaded(options))

    import json

    from sut.tune.find import tune
    from sut.tune.report import render, write_found

    found = tune(asked, progress_console(), lambda each: write_found(each, asked))
    document = write_found(found, asked)
    print(document if options.json else render(document), end="")
    if not found.over:
        return Interrupted.exit_code
    confirmed = json.loads(document)["confirmation"]
    return 0 if confirmed is not None and confirmed["valid"] else 1


def parser() -> FlagParser:
    """The flags of a run, and those of a search."""
    about = "Find the engine's best settings. It takes the flags of a run, too."
    made = build_parser("python -m sut.main tune", about, EPILOG)
    _add(made.add_argument)
    return made


def _add(add: Callable[..., Any]) -> None:
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder of the search; one that is there goes on (results/tune-SCENARIO)",
    )
    add(
        "--budget",
        type=budget_s,
        default=BUDGET_S,
        metavar="TIME",
        help="for all trials together, as 90s, 30m or 2h (30m)",
    )
    add(
        "--space",
        action="append",
        default=[],
        metavar="KEY=V,V",
        help="search these values of this setting, and not what docs/tune.md lists; repeatable",
    )
    _add_sizes(add)


def _add_sizes(add: Callable[..., Any]) -> None:
    add_count(add, "--trials", 10_000, 200, "of the search at most")
    add_count(add, "--rounds", 100, 3, "in which each effect is measured at most")
    add(
        "--trial-seconds",
        metavar="S",
        type=above_zero("--trial-seconds", MOST_SECONDS, example=20),
        default=20.0,
        help="length of a trial with the given settings (20)",
    )
    add(
        "--seed",
        metavar="N",
        type=whole("--seed", 0, 2**31 - 1, example=1),
        default=1,
        help="of the sampler (1)",
    )


def _loaded(options: argparse.Namespace) -> Loaded:
    """The configuration of the run that is to be confirmed.

    Raises:
        ConfigError: more than one scenario, or one that is not searched.
    """
    from sut.commands.run import load_configuration, note_what_is_not_read
    from sut.tune.judge import UNIT

    refuse_dry_run(options, "tune", "search")
    loaded = load_configuration(options)
    if loaded.origins["scenarios"] == "default":
        options.scenario = ["Offline"]
        loaded = load_configuration(options)
    scenarios = loaded.config.scenarios
    if len(scenarios) != 1 or scenarios[0] not in UNIT:
        raise ConfigError(
            f"scenarios is {', '.join(scenarios)}, and settings are searched for one of "
            f"{', '.join(UNIT)}.",
            where=loaded.origins["scenarios"],
            remedy="Give --scenario Offline, for instance.",
        )
    note_what_is_not_read(loaded)
    return loaded


def _asked(options: argparse.Namespace, loaded: Loaded) -> Asked:
    from sut.tune.asked import asked_for
    from sut.tune.schedule import Wishes
    from sut.tune.space import wanted_of

    (scenario,) = loaded.config.scenarios
    return asked_for(
        loaded,
        scenario,
        options.out or Path("results") / f"tune-{scenario.value.lower()}",
        Wishes(options.budget, options.trials, options.rounds),
        space=[wanted_of(each) for each in options.space],
        system=options.system,
        seed=options.seed,
        trial_s=options.trial_seconds,
    )
