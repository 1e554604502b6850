"""The run verb's flags. Imports nothing outside the standard library, so `--help` is quick."""

from __future__ import annotations

import argparse
import difflib
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from sut.config.names import ModeChoice, Scenario
from sut.config.shipped import names, round_help
from sut.errors import ConfigError

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

EPILOG = """\
example:
  python -m sut.main --scenario Offline,Server --profile quick --set server.target_qps=2

environment, below flags and above YAML:
  NODE_NAME           names the result files                 (host name)
  MAX_TOKENS          output tokens per query at most        (quick: 64, mlperf: 128)
  SERVER_TARGET_QPS   arrivals per second in Server          (1.0)
  OFFLINE_TARGET_QPS  samples per second expected in Offline (10.0)
  HF_TOKEN            only to download gated weights

other verbs, each with its own --help:
  accuracy         ROUGE and lengths of an accuracy run, against its targets
  audit            run a compliance test, or verify the logs of one
  submit           make the submission tree of a round from results
  check            check a submission tree, with MLCommons' own checker too
  rehearse         every step of a submission with a model that costs nothing
  report           build result and summary again; --compliance shows each rule and its proof
  prepare-dataset  build the MLCommons data set from a local CNN/DailyMail copy
  cluster          check the nodes of a Ray cluster; start, stop or lift one
  bench            the harness against the raw engine, or alone

Each value's source is shown by --dry-run. Exit codes: 0 good, 1 measured and found wanting,
2 bad input, 3 the engine or cluster could not start, 130 interrupted.
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

    def error(self, message: str) -> NoReturn:
        """Turn argparse's complaint into ours."""
        raise ConfigError(f"{message}.", where="command line", remedy="See --help.")

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse, and name the nearest flag when one is unknown.

        Raises:
            ConfigError: an unknown flag, a missing or a bad value.
        """
        parsed, unknown = self.parse_known_args(args, namespace)
        if not unknown:
            return parsed
        word = unknown[0].partition("=")[0]
        if not word.startswith("-"):
            self.error(f"unexpected word {word}")
        # A word without its hyphens still looks like its flag.
        flags = [flag for action in self._actions for flag in action.option_strings]
        near = difflib.get_close_matches(word, flags, n=1, cutoff=0.0)
        raise ConfigError(
            f"there is no flag {word}.", where="command line", remedy=f"The nearest is {near[0]}."
        )


def whole(flag: str, least: int, most: int | None = None, *, example: int) -> Callable[[str], int]:
    """A flag's `type`: a whole number within bounds.

    The parser that is returned raises ConfigError, naming flag, value and an example.
    """
    bounds = f"of {least} or more" if most is None else f"from {least} to {most}"

    def parse(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise _no_number(flag, text, f"whole number {bounds}", example)
        return number

    return parse


def above_zero(flag: str, *, example: float) -> Callable[[str], float]:
    """A flag's `type`: a number above 0, and not without end.

    The parser that is returned raises ConfigError, naming flag, value and an example.
    """

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = 0.0
        if not 0 < number < math.inf:  # false of nan, too
            raise _no_number(flag, text, "number above 0", example)
        return number

    return parse


def _no_number(flag: str, text: str, wanted: str, example: float) -> ConfigError:
    return ConfigError(
        f"{text or 'an empty text'} is no {wanted}.",
        where=flag,
        remedy=f"Give one, e.g. {example:g}.",
    )


def add_token_type(add: Callable[..., Any]) -> None:
    """--token-type, of the verbs that read anybody's accuracy log; None: not given, int32."""
    add("--token-type", choices=("int32", "int64"), help="integers of the answers (int32)")


def build_parser(prog: str = "python -m sut.main") -> FlagParser:
    """The parser of the run verb."""
    parser = FlagParser(
        prog=prog,
        description="Run the benchmark: LoadGen, the engine, the logs, the result.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_what(parser)
    _add_replicas(parser)
    _add_where(parser)
    return parser


def _add_what(parser: FlagParser) -> None:
    group = parser.add_argument_group("what is run")
    add = group.add_argument
    add(
        "--scenario",
        action="append",
        metavar="NAME",
        help=f"{', '.join(SCENARIOS)}; repeat it or join with commas (Offline,Server)",
    )
    add("--profile", choices=("quick", "mlperf"), help="quick: minutes; mlperf: the round's rules")
    add("--round", metavar="vX.Y", help=f"MLPerf Inference round: {round_help()}")
    add("--mode", choices=MODES, help="both: performance and accuracy; all: compliance too")
    add(
        "--smoke",
        action="store_true",
        help=f"accuracy of the first {SMOKE_SAMPLES} samples, in minutes, before the long run; "
        "exit 1 if answers loop, are empty or alike",
    )
    add("--engine", choices=("vllm", "null"), help="null answers without a model (vllm)")
    add(
        "--system",
        metavar="NAME",
        help=f"{', '.join(names('systems'))}, or a .yaml (a30-bf16 with an NVIDIA driver, else "
        "cpu)",
    )
    add(
        "--model",
        metavar="NAME",
        help=f"{', '.join(names('models'))}, a folder with weights, or a .yaml (the system's)",
    )
    add("--dataset", metavar="PATH", help="the data set's file, or sample, or synthetic (sample)")


def _add_replicas(parser: FlagParser) -> None:
    group = parser.add_argument_group("several replicas, on Ray")
    add = group.add_argument
    add("--replicas", metavar="N|all", help="replicas of the engine (one, without Ray)")
    add("--tensor-parallel-size", metavar="N", help="GPUs per replica, tensor parallel (1)")
    add("--pipeline-parallel-size", metavar="N", help="GPUs per replica, pipeline parallel (1)")
    add("--address", metavar="HOST:PORT", help="a Ray cluster; auto: this machine's (one of ours)")
    add("--dispatch", choices=("auto", "equal"), help="equal: a strict equal split (auto)")
    add(
        "--on-replica-loss",
        choices=("fail", "continue"),
        help="continue: the others take over its work, the run is marked (fail)",
    )


def add_coordinated(parser: FlagParser) -> None:
    """The flags that only the run verb has."""
    group = parser.add_argument_group("each node its own LoadGen, on Ray")
    add = group.add_argument
    add(
        "--coordinated",
        action="store_true",
        help="run on every node of the cluster at --address at once, and add up the results",
    )
    add(
        "--baseline",
        action="store_true",
        help="first run each node alone, for scaling efficiency and overhead",
    )
    add(
        "--baseline-results",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="compare with these mlperf_datacenter_*.json of nodes alone instead",
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
        help="any key of the configuration, e.g. server.target_qps=2; repeatable; wins over all",
    )
    add("--config", type=Path, metavar="FILE", help="your own YAML, on top of profile and system")
    add("--user-conf", type=Path, metavar="FILE", help="a user.conf in LoadGen's own format")
    add("--results-dir", metavar="DIR", help="where results go (results/mlperf_datacenter)")
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
