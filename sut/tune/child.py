"""One trial or confirmation in a process of its own: `python -m sut.tune.child`.

What a trial breaks, the next one does not inherit: memory, threads, a library's state. A trial that
hangs is ended with its process. It ends by itself when whoever searches is gone.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from sut.bug import bug_of_ours
from sut.config.resolved import read_resolved
from sut.errors import HarnessError, Interrupted
from sut.harness.facts import Start
from sut.harness.on_engine import OnEngine, engine_for
from sut.harness.session import all_checked, settled
from sut.peak.one_run import one_run
from sut.tune.configs import smoke_config

SMOKE = "smoke"


def main(arguments: Sequence[str]) -> int:
    """Make the runs; what they are worth is read from their folders.

    Returns:
        0, 130 where it was ended, else the error's exit code.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("resolved", type=Path)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args(arguments)
    threading.Thread(target=_end_with_the_search, daemon=True).start()
    try:
        return run(options.resolved, full=options.full, smoke=options.smoke)
    except HarnessError as error:
        sys.stderr.write(f"sut: {error.render()}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return Interrupted.exit_code
    except Exception as error:  # noqa: BLE001 - nobody foresaw it
        told = bug_of_ours(error, options.resolved.parent)
        sys.stderr.write(f"sut: {told.render()}\n")
        return told.exit_code


def _end_with_the_search() -> None:
    """Standard input is a pipe that nobody writes to: its end is the end of the search.

    Python's own stream is not touched: the interpreter dies of a thread that holds its lock.
    """
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def run(resolved: Path, *, full: bool, smoke: bool) -> int:
    """One engine start: the run, and if asked the accuracy of the first samples.

    Raises:
        HarnessError: bad settings, an engine that did not start or died.
    """
    loaded, inputs, _ = all_checked(read_resolved(resolved))
    (scenario,) = loaded.config.scenarios
    logs, console = resolved.parent / "engine", Console(stderr=True)
    logs.mkdir()
    with engine_for(loaded.config, scenario, inputs, logs, console) as (ready, way):
        loaded, before = settled(loaded, Start.only(scenario), inputs, ready, way)
        engine = OnEngine(scenario, inputs, ready, before, way)
        made = one_run(engine, loaded, 1, full=full)
        if made is not None and smoke:
            asked = smoke_config(loaded, resolved.parent / SMOKE)
            asked.config.results_dir.mkdir()
            asked, few, _ = all_checked(asked)
            made = one_run(replace(engine, inputs=few), asked, 2, full=False)
    return 0 if made is not None else Interrupted.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
