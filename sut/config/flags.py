"""The run verb's flags. Imports nothing outside the standard library, so `--help` is quick."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

from sut.config.help_text import Narrow
from sut.config.installed_engines import engine_names
from sut.config.names import ModeChoice, Scenario
from sut.config.natural import instead_of
from sut.config.shipped import names, round_help
from sut.config.verbs import DEFAULT_VERB, VERBS
from sut.errors import ConfigError

PROG = "python -m sut.main"
SCENARIOS = tuple(each.value for each in Scenario)
SMOKE_SAMPLES = 50
MODES = tuple(each.value for each in ModeChoice)

# Environment variable → the key it sets. HF_TOKEN is read by the downloader alone.
ENVIRONMENT = {
    "NODE_NAME": "node_name",
    "MAX_TOKENS": "generation.max_tokens",
    "SERVER_TARGET_QPS": "server.target_qps",
    "OFFLINE_TARGET_QPS": "offline.target_qps",
}

_VERBS = "\n".join(f"  {verb:<16} {what}" for verb, what in VERBS.items() if verb != DEFAULT_VERB)

EPILOG = f"""\
example:
  python -m sut.main --scenario Offline,Server --profile quick --set server.target_qps=2

environment variables; they win over YAML, and flags win over them:
  NODE_NAME           names the result files                 (host name)
  MAX_TOKENS          output tokens per query at most        (mlperf: the round's)
  SERVER_TARGET_QPS   arrivals per second in Server          (quick: measured)
  OFFLINE_TARGET_QPS  samples per second expected in Offline (quick: measured)
  HF_TOKEN            downloads gated weights; nothing else needs it

other verbs; each has its own --help:
{_VERBS}

--dry-run shows each value and where it is from. A value in parentheses is the default.

exit codes:
  0    VALID
  1    INVALID; the result and the logs are there
  2    bad input
  3    the engine or the cluster could not start
  130  interrupted
  141  nobody reads what is printed, as behind `| head`
"""

# Flag's name in the namespace → the key it sets.
_PLAIN = {
    "profile": "profile",
    "round": "round",
    "system": "system",
    "model": "model",
    "dataset": "dataset",
    "mode": "mode",
    "engine": "engine.kind",
    "results_dir": "results_dir",
    "replicas": "engine.replicas",
    "tensor_parallel_size": "engine.vllm.tensor_parallel_size",
    "pipeline_parallel_size": "engine.vllm.pipeline_parallel_size",
    "address": "engine.ray.address",
    "dispatch": "engine.ray.dispatch",
    "on_replica_loss": "engine.ray.on_replica_loss",
}


class FlagParser(argparse.ArgumentParser):
    """A parser whose complaints are one line each and raised, never printed."""

    def error(self, message: str, remedy: str = "See --help.") -> NoReturn:
        """Turn argparse's complaint into ours."""
        raise ConfigError(f"{message}.", where="command line", remedy=remedy)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and name the nearest flag when one is unknown.

        Raises:
            ConfigError: an unknown flag, a missing or a bad value.
        """
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self._refuse(unknown[0])
        return parsed

    def _refuse(self, unknown: str) -> NoReturn:
        word = unknown.partition("=")[0]
        if not word.startswith("-"):
            meant = [each for each in SCENARIOS if each.casefold() == word.casefold()]
            self.error(f"unexpected word {word}", *(f"Give --scenario {each}." for each in meant))
        # What is hidden is not for people to type.
        told = (each for each in self._actions if each.help != argparse.SUPPRESS)
        flags = [flag for action in told for flag in action.option_strings]
        self.error(f"there is no flag {word}", instead_of(word, flags, _keys))


def _keys() -> Collection[str]:
    from sut.config.keys import leaves  # pydantic's, which --help does without

    return leaves()


def whole(flag: str, least: int, most: int, *, example: int) -> Callable[[str], int]:
    """A flag's `type`: a whole number within bounds.

    The parser that is returned raises ConfigError, naming flag, value and an example.
    """

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            raise _no_number(flag, text, f"whole number from {least} to {most}", example)
        return number

    return parse


def above_zero(flag: str, most: int, *, example: float) -> Callable[[str], float]:
    """A flag's `type`: a number above 0, and none that no machine could mean.

    The parser that is returned raises ConfigError, naming flag, value and an example.
    """

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number <= most:  # false of nan, too
            raise _no_number(flag, text, f"number above 0 and up to {most}", example)
        return number

    return parse


def _no_number(flag: str, text: str, wanted: str, example: float) -> ConfigError:
    return ConfigError(
        f"{text or 'an empty text'} is not a {wanted}.",
        where=flag,
        remedy=f"Give one, e.g. {example:g}.",
    )


def add_count(add: Callable[..., Any], flag: str, most: int, default: int, what: str) -> None:
    """A flag that takes a count from 1 to `most`; its help ends with the default."""
    parse = whole(flag, 1, most, example=default)
    add(flag, metavar="N", type=parse, default=default, help=f"{what} ({default})")


def refuse_dry_run(options: argparse.Namespace, verb: str, what: str) -> None:
    """Of a verb that takes the flags of a run and has no plan to show.

    Raises:
        ConfigError: --dry-run was given; `what` says what the call would be.
    """
    if options.dry_run:
        raise ConfigError(
            f"--dry-run is of a run; this would be a {what}.",
            where="command line",
            remedy=f"Leave it out, or leave out {verb}.",
        )


def add_token_type(add: Callable[..., Any]) -> None:
    """--token-type, of the verbs that read anybody's accuracy log; None: not given."""
    add(
        "--token-type",
        choices=("int32", "int64"),
        help="type of the token ids in the log (what the answers show)",
    )


def verb_parser(verb: str, description: str, epilog: str | None = None) -> FlagParser:
    """A verb's parser without a flag of its own; the help keeps the lines of its epilog."""
    return FlagParser(
        prog=f"{PROG} {verb}".rstrip(),
        description=description,
        epilog=epilog,
        formatter_class=Narrow,
        allow_abbrev=False,
    )


def build_parser(
    prog: str = PROG,
    description: str = "Run the benchmark: LoadGen asks, an engine answers, the result is written.",
    epilog: str = EPILOG,
) -> FlagParser:
    """A parser with the flags of a run, of the run verb or of one that takes them too."""
    parser = verb_parser(prog.removeprefix(PROG).strip(), description, epilog)
    _add_what(parser)
    _add_replicas(parser)
    _add_where(parser)
    return parser


def _add_what(parser: FlagParser) -> None:
    add = parser.add_argument_group("what is run").add_argument
    add(
        "--scenario",
        action="append",
        metavar="NAME",
        help=f"one of {', '.join(SCENARIOS)}; repeat the flag, or join names with commas "
        "(Offline,Server)",
    )
    add(
        "--profile",
        choices=("quick", "mlperf"),
        help="quick takes minutes; mlperf takes the round's rules (quick)",
    )
    add("--round", metavar="vX.Y", help=f"round of MLPerf Inference: {round_help()}")
    add(
        "--mode",
        choices=MODES,
        metavar="MODE",
        help=f"runs of each scenario: {', '.join(MODES)}; both is performance and accuracy, all is "
        "compliance too (performance)",
    )
    add(
        "--smoke",
        action="store_true",
        help=f"run the accuracy of the first {SMOKE_SAMPLES} samples, before a long run; "
        "the exit code is 1 if answers loop, are empty or alike",
    )
    _add_answering(add)


def _add_answering(add: Callable[..., Any]) -> None:
    add(
        "--engine",
        metavar="NAME",
        help=f"{', '.join(engine_names())}; the null engine answers without a model (vllm)",
    )
    add(
        "--system",
        metavar="NAME",
        help=f"{', '.join(names('systems'))}, or a .yaml (by the NVIDIA card's name, else cpu)",
    )
    add(
        "--model",
        metavar="NAME",
        help=f"{', '.join(names('models'))}, a folder with weights, or a .yaml (the system's)",
    )
    add("--dataset", metavar="PATH", help="file of the data set, or sample, or synthetic (sample)")


def _add_replicas(parser: FlagParser) -> None:
    group = parser.add_argument_group("several replicas on Ray")
    add = group.add_argument
    add(
        "--replicas",
        metavar="N|all",
        help="number of engines behind one LoadGen (one, without Ray)",
    )
    add("--tensor-parallel-size", metavar="N", help="GPUs per replica, tensor parallel (1)")
    add("--pipeline-parallel-size", metavar="N", help="GPUs per replica, pipeline parallel (1)")
    add(
        "--address",
        metavar="HOST:PORT",
        help="use this Ray cluster; auto is this machine's (a new one)",
    )
    add(
        "--dispatch",
        choices=("auto", "tokens", "prefill-weighted", "equal"),
        metavar="HOW",
        help="to which replica a query goes: auto, tokens, prefill-weighted, or equal, which gives "
        "each the same number (auto)",
    )
    add(
        "--on-replica-loss",
        choices=("fail", "continue"),
        help="continue: the others take over its work, and the run is marked (fail)",
    )


MOST_REPEATS = 1000


def add_own(parser: FlagParser) -> None:
    """The flags that only the run verb has."""
    add = parser.add_argument_group("how often, and how loud").add_argument
    repeats = whole("--repeat", 1, MOST_REPEATS, example=3)
    add(
        "--repeat",
        type=repeats,
        metavar="N",
        help="make N sessions one after the other, for the noise between runs (1)",
    )
    add(
        "--events",
        action="store_true",
        help="print what happens as JSON, an object a line, in place of the last screen",
    )
    add("--quiet", action="store_true", help="no progress on stderr, only what it ends with")
    _add_coordinated(parser)


def _add_coordinated(parser: FlagParser) -> None:
    group = parser.add_argument_group("a LoadGen on each node, on Ray")
    add = group.add_argument
    add(
        "--coordinated",
        action="store_true",
        help="run on every node of the cluster at --address at once, and add up the results",
    )
    add(
        "--baseline",
        action="store_true",
        help="run each node alone first, for scaling efficiency and overhead",
    )
    add(
        "--baseline-results",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="take these mlperf_datacenter_*.json of nodes alone instead of --baseline",
    )
    # How a coordinated run starts itself on a node; nobody types these.
    add("--resolved", type=Path, help=argparse.SUPPRESS)
    add("--start-gate", type=int, help=argparse.SUPPRESS)


def _add_where(parser: FlagParser) -> None:
    group = parser.add_argument_group("settings and output")
    add = group.add_argument
    add(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        dest="assignments",
        help="set any key, e.g. server.target_qps=2; repeat the flag for more; "
        "it wins over every other source",
    )
    add(
        "--config",
        type=Path,
        metavar="FILE",
        help="take your own YAML; it wins over profile and system",
    )
    add("--user-conf", type=Path, metavar="FILE", help="take a user.conf in LoadGen's own format")
    add("--results-dir", metavar="DIR", help="write results there (results/mlperf_datacenter)")
    add("--dry-run", action="store_true", help="show the resolved plan and stop")
    add("--json", action="store_true", help="print JSON")


def to_overrides(namespace: argparse.Namespace) -> list[tuple[str, Any, str]]:
    """The flags as (key, raw value, flag) in rising precedence; --set comes last.

    `system`, `model` and `dataset` name sections: `sources.load` resolves what they select.

    Raises:
        ConfigError: a --set without "=".
    """
    overrides: list[tuple[str, Any, str]] = []
    if getattr(namespace, "smoke", False):
        overrides += [
            ("mode", "accuracy", "--smoke"),
            ("dataset.max_samples", SMOKE_SAMPLES, "--smoke"),
            ("validity.alarms_fail", True, "--smoke"),
        ]
    for name, key in _PLAIN.items():
        value = getattr(namespace, name, None)
        if value is not None:
            overrides.append((key, value, f"--{name.replace('_', '-')}"))
    named = getattr(namespace, "scenario", None)
    if named:
        overrides.append(("scenarios", _scenario_names(named), "--scenario"))
    for assignment in getattr(namespace, "assignments", None) or ():
        key, equals, value = assignment.partition("=")
        if not equals or not key.strip():
            raise ConfigError(
                f"{assignment} is not an assignment.",
                where="--set",
                remedy="Write --set section.key=value.",
            )
        overrides.append((key.strip(), value.strip(), f"--set {key.strip()}"))
    return overrides


def _scenario_names(given: Sequence[str]) -> list[str]:
    """The scenarios' own spelling; an unknown name is passed on for the schema to refuse."""
    known = {name.casefold(): name for name in SCENARIOS}
    words = [word.strip() for text in given for word in text.split(",") if word.strip()]
    return [known.get(word.casefold().replace("-", "").replace("_", ""), word) for word in words]
