"""The one command line: picks the verb, prints one line for a user's mistake, exits.

The only place that exits and the only one that catches HarnessError. Imports nothing heavy:
each verb's module is loaded when it is named.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import sut
from sut.errors import HarnessError, Interrupted, OutputClosed
from sut.output import whole_output

DEFAULT_VERB = "run"
VERBS = {
    "run": "run the benchmark (what happens without a verb)",
    "doctor": "say whether this machine can run it, and what to mend",
    "accuracy": "score an accuracy run and hold it to its targets",
    "audit": "run a compliance test, or verify the logs of one",
    "submit": "make the submission tree of a round from results",
    "check": "check a submission tree, with MLCommons' own checker too",
    "verify": "say what a session or a tree proves, only states, or contradicts",
    "rehearse": "go through every step of a submission with a model of random weights",
    "report": "build result and summary again from a run's directory; its compliance report",
    "prepare-dataset": "build a benchmark's data set from a local copy of its source",
    "peak": "find the highest rate at which Server or Interactive is VALID",
    "cluster": "start, stop or check a Ray cluster",
    "bench": "compare the harness with the raw engine, or measure the harness alone",
}

if multiprocessing.parent_process() is not None and os.getpid() != os.getsid(0):
    # We are being imported by an engine process that multiprocessing has just spawned. A
    # session of its own keeps Ctrl-C from it: we alone decide when an engine ends.
    os.setsid()


def split_verb(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The verb, and the arguments that are its own."""
    if arguments and arguments[0] in VERBS:
        return arguments[0], list(arguments[1:])
    return DEFAULT_VERB, list(arguments)


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code.

    Raises:
        HarnessError: what the user is to be told.
    """
    if list(arguments) == ["--version"]:
        print(sut.__version__)
        return 0
    verb, rest = split_verb(arguments)
    module = importlib.import_module(f"sut.commands.{verb.replace('-', '_')}")
    code: int = module.main(rest)
    return code


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Entry point of `python -m sut.main` and of the console script `sut`."""
    try:
        with whole_output():
            code = run_command(sys.argv[1:] if arguments is None else arguments)
    except OutputClosed as error:
        code = error.exit_code
    except HarnessError as error:
        print(f"sut: {error.render()}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        print("sut: interrupted before a result could be written.", file=sys.stderr)
        code = Interrupted.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
