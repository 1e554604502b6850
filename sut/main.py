"""The one command line: picks the verb, prints one line for a user's mistake, exits.

The only place that exits and the only one that catches HarnessError. Imports nothing heavy:
each verb's module is loaded when it is named.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import sut
from sut.bug import bug_of_ours
from sut.config.names import Scenario
from sut.config.natural import instead_of_verb
from sut.config.verbs import DEFAULT_VERB, READING, VERBS
from sut.errors import ConfigError, HarnessError, Interrupted, OutputClosed
from sut.given_file import only_read
from sut.machine.footing import require_footing
from sut.machine.signals import as_by_ctrl_c, ignore_further
from sut.output import open_standard_streams, whole_output

# Threads that libraries left behind have so long to end.
LEAVE_S = 20.0
if multiprocessing.parent_process() is not None and os.getpid() != os.getsid(0):
    # We are being imported by an engine process that multiprocessing has just spawned. A
    # session of its own keeps Ctrl-C from it: we alone decide when an engine ends.
    os.setsid()


def split_verb(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The verb, and the arguments that are its own.

    Raises:
        ConfigError: a first word that is no verb, with what was likely meant.
    """
    if not arguments or arguments[0].startswith("-"):
        return DEFAULT_VERB, list(arguments)
    verb = arguments[0]
    if verb == "help":  # git's way: help, help VERB
        return split_verb([*arguments[1:2], "--help"])
    if verb not in VERBS:
        raise ConfigError(
            f"there is no verb {verb}.",
            where="command line",
            remedy=instead_of_verb(verb, VERBS, [each.value for each in Scenario]),
        )
    return verb, list(arguments[1:])


def run_command(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code.

    Raises:
        HarnessError: what the user is to be told.
    """
    if list(arguments) == ["--version"]:
        print(sut.__version__)
        return 0
    require_footing()
    verb, rest = split_verb(arguments)
    module = importlib.import_module(f"sut.commands.{verb.replace('-', '_')}")
    with only_read() if verb in READING else as_by_ctrl_c():
        code: int = module.main(rest)
    return code


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run it and exit: SystemExit is raised."""
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
    except Exception as error:  # noqa: BLE001 - nobody foresaw it
        told = bug_of_ours(error)
        print(f"sut: {told.render()}", file=sys.stderr)
        code = told.exit_code
    sys.exit(code)


def _told_of_a_thread(what: threading.ExceptHookArgs) -> None:
    """An error that ended a thread of whatever library, in place of its traceback."""
    if isinstance(what.exc_value, Exception):
        print(f"sut: {bug_of_ours(what.exc_value).render()}", file=sys.stderr)


def entry() -> NoReturn:
    """`main` as a process: it ends with it, whatever still hangs."""
    open_standard_streams()
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # our package's doing
        signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.excepthook = _told_of_a_thread
    try:
        main()
    except SystemExit as end:
        ignore_further()  # a second Ctrl-C that comes now would end us with another code
        code = end.code
        watch = threading.Timer(LEAVE_S, lambda: os._exit(code if isinstance(code, int) else 1))
        watch.daemon = True
        with suppress(RuntimeError):  # no memory for a thread
            watch.start()
        raise


if __name__ == "__main__":
    entry()
