"""`sut [run]`: LoadGen, the engine, the logs, the result."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, add_own, build_parser, to_overrides
from sut.config.listening import add_metrics_port
from sut.errors import ConfigError, Interrupted
from sut.output import as_far_as_it_goes, progress_console

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from sut.config.sources import Loaded
    from sut.harness.session import Outcome


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark, or with --dry-run show what would be run.

    Returns:
        0 if every scenario is VALID, 1 if not, 130 after Ctrl-C.

    Raises:
        HarnessError: bad input (2), or an engine that did not start (3).
    """
    options = parser().parse_args(arguments)
    refuse_strays(options)
    loaded = load_configuration(options)
    note_what_is_not_read(loaded)
    if options.coordinated:
        from sut.cluster.coordinated import check_coordinated

        check_coordinated(loaded.config)
    if options.dry_run:
        return dry_run(loaded, as_json=options.json)

    if options.coordinated:
        return coordinated(loaded, options)
    return _sessions(loaded, options)


def parser() -> FlagParser:
    """The flags of a run, and those that only this verb has."""
    made = build_parser()
    add_own(made)
    add_metrics_port(made.add_argument)
    return made


def _sessions(loaded: Loaded, options: argparse.Namespace) -> int:
    """One session, or with --repeat so many one after the other, each with its own engine."""
    from sut.harness.session import run_benchmark

    gate = None
    if options.start_gate is not None:
        from sut.cluster.gate import StartGate

        gate = StartGate(options.start_gate)
    repeats = options.repeat or 1
    made: list[Outcome] = []
    with _console(options) as console:
        for number in range(1, repeats + 1):
            if repeats > 1:
                console.print(f"Session {number} of {repeats}.", highlight=False)
            outcome = run_benchmark(loaded, console, gate)
            _tell_result(outcome, console)
            # The verdict decides how we exit, not the terminal.
            with nullcontext() if options.json else as_far_as_it_goes():
                if not options.events:
                    show_outcome(outcome, as_json=options.json)
            # Asked for while the result was written: it stands, and no other session is made.
            if outcome.interrupted or (outcome.asked_to_end and number < repeats):
                return Interrupted.exit_code
            made.append(outcome)
            loaded = _at_its_rates(loaded, outcome) if repeats > number else loaded
    if repeats > 1 and not options.events:
        with as_far_as_it_goes():
            print(f"Repeats: {','.join(str(_relative(each.session.root)) for each in made)}")
            sys.stdout.flush()
    return 0 if all(each.result.valid for each in made) else 1


def _at_its_rates(loaded: Loaded, outcome: Outcome) -> Loaded:
    """Repeats are of one task: a rate that was measured holds for all of them."""
    from sut.config.rate import PROBED
    from sut.plan.rate import at_the_rates_of

    found = outcome.result.configuration
    return at_the_rates_of(loaded, {name: found[name]["target_qps"] for name in PROBED})


@contextmanager
def _console(options: argparse.Namespace) -> Iterator[Console]:
    """For people on stderr; programs hear of it by --events and at --metrics-port.

    Raises:
        ConfigError: the port is taken.
    """
    console = progress_console(quiet=options.quiet)
    if not options.events and options.metrics_port is None:
        yield console
        return
    from sut.harness.events import EventConsole, Listener, json_lines

    listeners: list[Listener] = [json_lines(sys.stdout)] if options.events else []
    with ExitStack() as stack:
        if options.metrics_port is not None:
            from sut.harness.exporter import Exporter, served

            exporter = Exporter()
            where = stack.enter_context(served(exporter, *options.metrics_port))
            console.print(f"Metrics: {where}", highlight=False, soft_wrap=True)
            listeners.append(exporter)
        yield EventConsole(listeners, console)


# What would have no effect, or two readers of one stream.
_APART = {
    "repeat": ("dry_run", "coordinated", "json", "resolved"),
    "events": ("dry_run", "coordinated", "json", "resolved"),
    "metrics_port": ("dry_run", "coordinated"),
}


def refuse_strays(options: argparse.Namespace) -> None:
    """Flags that this call would ignore, or two sources of a coordinated run's baseline.

    Raises:
        ConfigError: naming them.
    """
    if options.resolved is not None:
        _refuse_beside_resolved(options)
    for ours, others in _APART.items():
        for flag in others:
            if getattr(options, ours) and getattr(options, flag):
                raise ConfigError(
                    f"--{ours.replace('_', '-')} does not go with --{flag.replace('_', '-')}.",
                    where="command line",
                    remedy="Leave out one of the two.",
                )
    compared = options.baseline or options.baseline_results
    if compared and not options.coordinated:
        raise ConfigError(
            "--baseline and --baseline-results go with --coordinated.",
            where="command line",
            remedy="Add --coordinated.",
        )
    if options.baseline and options.baseline_results:
        raise ConfigError(
            "--baseline measures what --baseline-results would name.",
            where="command line",
            remedy="Give one of the two.",
        )


def _refuse_beside_resolved(options: argparse.Namespace) -> None:
    """A resolved file is the whole configuration of a run on this node."""
    others = [flag for _, _, flag in to_overrides(options)]
    names = ("config", "user_conf", "coordinated")
    others += [f"--{name.replace('_', '-')}" for name in names if getattr(options, name)]
    if others:
        raise ConfigError(
            f"{others[0]} is given beside --resolved, whose file is the whole configuration.",
            where="command line",
            remedy="Leave out one of the two.",
        )


def note_what_is_not_read(loaded: Loaded) -> None:
    """Say on stderr what was given and has no effect, where refusing it would be too much."""
    from sut.config.strays import idle_assignments, unread_variables

    idle = idle_assignments(loaded.config, loaded.origins)
    for note in (*unread_variables(os.environ), *loaded.notes, *idle):
        print(f"Note: {note}.", file=sys.stderr)


def coordinated(loaded: Loaded, options: argparse.Namespace) -> int:
    """The same run on every node of the cluster at once, and its sum."""
    from sut.cluster.coordinated import run_coordinated
    from sut.report.aggregated import aggregated_text

    summed = run_coordinated(
        loaded,
        baseline=options.baseline,
        stored=options.baseline_results or (),
        console=progress_console(quiet=options.quiet),
    )
    if options.json:
        print(summed.path.read_text(encoding="utf-8"), end="")
    else:
        print(aggregated_text(summed.result))
        print(f"Result:  {_relative(summed.path)}")
    sys.stdout.flush()
    if summed.interrupted:
        return Interrupted.exit_code
    return 0 if summed.result.valid else 1


def load_configuration(options: argparse.Namespace, *, of_cluster: bool = False) -> Loaded:
    """The configuration that the flags, files and environment make; LoadGen's release checked.

    Args:
        options: the parsed flags.
        of_cluster: for a look at the cluster, which a run's settings are given to whole.
    """
    # pydantic and YAML are loaded here and not above: --help must not wait for them.
    from sut.api import check_release, configure
    from sut.config.strays import ALL_OF_RAY, OF_COORDINATED

    resolved = getattr(options, "resolved", None)
    if resolved is not None:
        from sut.config.resolved import read_resolved

        return check_release(read_resolved(resolved))
    alone = OF_COORDINATED if getattr(options, "coordinated", False) else ()
    return configure(
        to_overrides(options),
        config_file=options.config,
        user_conf=options.user_conf,
        used_of_ray=ALL_OF_RAY if of_cluster else alone,
    )


def dry_run(loaded: Loaded, *, as_json: bool) -> int:
    """Print the plan; no engine, no LoadGen, no run directory."""
    import json

    from sut.config.rounds import load_round
    from sut.inputs.card_room import require_card_room
    from sut.inputs.fit import fitted
    from sut.inputs.inputs import load_inputs
    from sut.plan.run_plan import plan_runs, read_audit_configs
    from sut.report.plan_text import plan_document, render_plan

    read_audit_configs(loaded.config)
    inputs = load_inputs(loaded.config, weights=False)
    loaded = fitted(loaded, inputs)
    require_card_room(loaded.config, inputs)
    config, count = loaded.config, inputs.dataset.count
    plans = plan_runs(config, load_round(config.round), count, loaded.origins)
    if as_json:
        print(json.dumps(plan_document(loaded, plans), indent=2))
    else:
        print(render_plan(loaded, plans))
    return 0


def show_outcome(outcome: Outcome, *, as_json: bool) -> None:
    """The first screen, and where everything else lies."""
    session = outcome.session
    if as_json:
        print(session.result.read_text(encoding="utf-8"), end="")
        return
    from sut.report.first_screen import first_screen

    print(first_screen(outcome.result))
    print(f"Result:  {_relative(_own(session.published_result, session.result))}")
    print(f"Summary: {_relative(_own(session.published_summary, session.summary))}")
    if (page := session.root / "report.html").is_file():
        print(f"Report:  {_relative(page)}")
    sys.stdout.flush()


def _own(published: Path, inside: Path) -> Path:
    """The published file, where it is this session's; else the same one in its folder."""
    same = published.is_file() and published.read_bytes() == inside.read_bytes()
    return published if same else inside


def _relative(path: Path) -> Path:
    """Shorter to read where it lies below the working directory."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _tell_result(outcome: Outcome, console: Console) -> None:
    """The last event, where somebody listens."""
    from sut.harness.events import EventConsole

    if not isinstance(console, EventConsole):
        return
    result, session = outcome.result, outcome.session
    told = {
        "valid": result.valid,
        "reasons": result.reasons,
        "interrupted": outcome.interrupted,
        "result": str(session.published_result),
        "folder": str(session.root),
    }
    console.event("result", told)
