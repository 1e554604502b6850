"""`sut cluster`: is it fit for a run; start, stop, and lift a whole one from a hosts file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sut.config.flags import FlagParser, above_zero, build_parser, verb_parser, whole
from sut.errors import ConfigError

if TYPE_CHECKING:
    from sut.cluster.preflight import Row

EPILOG = """\
example:
  python -m sut.main cluster start                          on the control node
  python -m sut.main cluster check --address 10.0.0.1:6379 --replicas all
  python -m sut.main --address 10.0.0.1:6379 --replicas all

check  compares every node with this one: versions, weights, data set, memory, clock, room
start  starts a Ray head here, which gets no work, and prints the line that joins a worker
stop   ends what `start`, or the line that it printed, started on this machine
up     starts head and workers of a hosts file over SSH, by Ray's own launcher
down   ends them

check takes the flags of a run.

exit codes:
  0  every check passed
  2  a check failed, or bad input
  3  the cluster could not be reached or started
"""
PORT = 6379


def main(arguments: Sequence[str]) -> int:
    """Run one of the verbs.

    Raises:
        HarnessError: bad input (2), or a cluster that cannot be started or reached (3).
    """
    verb, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if verb in PARSERS:
        return _VERBS[verb](PARSERS[verb]().parse_args(rest))
    parser().parse_args([verb])  # --help, or a complaint
    return 0


def parser() -> FlagParser:
    """The verbs of the verb."""
    made = verb_parser("cluster", "Start, stop or check a Ray cluster.", EPILOG)
    made.add_argument("verb", choices=tuple(PARSERS))
    return made


def _check_parser() -> FlagParser:
    about = "Compare every node with this one. It takes the flags of a run, too."
    made = build_parser("python -m sut.main cluster check", about, EPILOG)
    made.add_argument(
        "--hosts", type=Path, metavar="FILE", help="YAML with the nodes that must be there"
    )
    made.add_argument(
        "--node-timeout",
        type=above_zero("--node-timeout", 86_400, example=300),
        default=300.0,
        metavar="S",
        help="seconds that a node has to answer (300)",
    )
    return made


def _check(options: argparse.Namespace) -> int:
    from sut.cluster.hosts import read_hosts
    from sut.cluster.survey import check_cluster
    from sut.commands.run import load_configuration

    hosts = read_hosts(options.hosts) if options.hosts else None
    loaded = load_configuration(options, of_cluster=True)
    rows = check_cluster(loaded.config, hosts, options.node_timeout)
    good = all(row.passed is not False for row in rows)
    if options.json:
        print(json.dumps({"passed": good, "rows": [vars(row) for row in rows]}, indent=2))
    else:
        _print(rows, good)
    return 0 if good else ConfigError.exit_code


def _print(rows: Sequence[Row], good: bool) -> None:
    """One table; below it what to do about each failure."""
    table = [("check", "node", "found", "wanted", "")]
    marks = {True: "ok", False: "FAILED", None: "not checked"}
    table += [(row.check, row.node, row.found, row.wanted, marks[row.passed]) for row in rows]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    for line in table:
        cells = [text.ljust(width) for text, width in zip(line, widths, strict=False)]
        print("  ".join([*cells, line[4]]).rstrip())
    failed = [row for row in rows if row.passed is False]
    for row in failed:
        print(f"{row.check}, {row.node}: {row.remedy}")
    print("The cluster is fit for this run." if good else f"{len(failed)} checks failed.")


def _start_parser() -> FlagParser:
    made = verb_parser("cluster start", "Start a Ray head on this machine.")
    add, port = made.add_argument, whole("--port", 1, 65535, example=PORT)
    add("--node-ip", metavar="IP", help="address of this machine for the others")
    add("--port", type=port, default=PORT, metavar="N", help=f"port of the head ({PORT})")
    add("--temp-dir", type=Path, metavar="DIR", help="folder of Ray's files (/tmp/ray)")
    return made


def _start(options: argparse.Namespace) -> int:
    from sut.cluster.network import addresses, choose, default_route_ip
    from sut.cluster.start import join_line, start_head

    choice = choose(addresses(), options.node_ip, default_route_ip())
    print(choice.sentence())
    head = start_head(choice, options.port, options.temp_dir)
    print(f"Ray head at {head.address}: token authentication on, dashboard off, no work here.")
    print("\nTo join a worker:")
    if head.token:
        print(f"1. Copy {head.token} to ~/.ray/auth_token there, mode 600.")
    else:
        print("1. Put the token of RAY_AUTH_TOKEN into ~/.ray/auth_token there, mode 600.")
    print("2. Run there, with its own address for WORKER_IP:")
    print(f"   {join_line(head.address)}")
    print("   Each worker fetches gated weights itself: HF_TOKEN must be set in that shell, too.")
    check = f"python -m sut.main cluster check --address {head.address} --replicas all"
    print(f"\nThen here, for workers with an A30 each: {check} --system a30-bf16")
    return 0


def _stop_parser() -> FlagParser:
    about = "End what `cluster start`, or the line it printed, started here."
    made = verb_parser("cluster stop", about)
    made.add_argument("--address", metavar="HOST:PORT", help="end this cluster alone (all)")
    return made


def _stop(options: argparse.Namespace) -> int:
    from sut.cluster.start import stop

    print(f"{stop(options.address)} processes of Ray ended.")
    return 0


def _launch_parser(verb: Literal["up", "down"], description: str) -> FlagParser:
    made = verb_parser(f"cluster {verb}", description)
    made.add_argument(
        "--hosts", type=Path, metavar="FILE", required=True, help="YAML with the hosts"
    )
    return made


def _launch(verb: Literal["up", "down"], options: argparse.Namespace) -> int:
    from sut.cluster.hosts import launch, read_hosts

    hosts = read_hosts(options.hosts)
    log = launch(verb, hosts)
    print(f"ray {verb}: done; its output is in {log}.")
    if verb == "up":
        print(f"python -m sut.main cluster check --address {hosts.address} --hosts {options.hosts}")
    return 0


PARSERS: dict[str, Callable[[], FlagParser]] = {
    "check": _check_parser,
    "start": _start_parser,
    "stop": _stop_parser,
    "up": partial(_launch_parser, "up", "Start head and workers of a hosts file over SSH."),
    "down": partial(_launch_parser, "down", "End head and workers of a hosts file over SSH."),
}
_VERBS: dict[str, Callable[[argparse.Namespace], int]] = {
    "check": _check,
    "start": _start,
    "stop": _stop,
    "up": partial(_launch, "up"),
    "down": partial(_launch, "down"),
}
