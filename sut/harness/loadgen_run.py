"""One LoadGen run against a started engine: from user.conf to run.json.

Whatever dies on the way, LoadGen's process is gone at the end, its logs are where it left
them, and run.json says what happened.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.console import Console

from qsl.dataset import Dataset
from qsl.library import Library
from sut.config.names import Mode, Scenario
from sut.config.schema import RunConfig
from sut.engines.base import NO_REPLICA, Engine, OfReplicas, RunSpec
from sut.errors import HarnessError
from sut.harness.card_watch import CardWatch
from sut.harness.clock_watch import ClockWatch
from sut.harness.closely import Closely, watched_of
from sut.harness.eta import pace_of
from sut.harness.host import EngineHost
from sut.harness.journal import Changes, Journal
from sut.harness.ledger import Ledger
from sut.harness.ledger_table import table_of
from sut.harness.lookout import Lookout
from sut.harness.progress import RunProgress
from sut.harness.silence import Silence, silent_process
from sut.harness.surroundings import Surroundings
from sut.harness.system import SystemUnderTest
from sut.loadgen.child import LoadGenSpec
from sut.loadgen.process import LoadGenProcess
from sut.machine.hardware import package_version
from sut.machine.room import room_kept
from sut.machine.signals import stopped_by
from sut.plan.room import end_bytes
from sut.plan.run_plan import RunPlan
from sut.record.answer import bounds_of
from sut.record.clock import ClockFacts
from sut.record.engine_load import load_lines
from sut.record.facts import LedgerFacts, RunFacts, SessionOfRun
from sut.record.folder import RunDir, SessionDir, write_atomic
from sut.record.ledger_file import counted, ledger_bytes
from sut.record.surroundings import SurroundingsFacts
from sut.record.unfinished import end_run

POLL_S = 0.5
# After an engine fault LoadGen may return by itself (Offline) or play its schedule to the
# end (Server); it has ten seconds in all (docs/decisions/02-a-fault-ends-samples.md).
FAULT_GRACE_S = 8.0
CALL_TIMEOUT_S = 30.0
# Of Poisson arrivals one gap in 10^13 is longer than 30 mean ones.
MEAN_GAPS = 30.0
# LoadGen writes a line of its trace in some 10 us.
LOG_S = 0.001
NO_AUDIT = "no-audit.config"
LEFT_OPEN = "LoadGen left it open"

GiveUp = Callable[[Ledger, int], str | None]
"""Called twice a second with the ledger and the monotonic time, ns: why to end the run, or None."""


@dataclass(frozen=True)
class LiveSession:
    """What every LoadGen run of a session shares while its engine is up."""

    config: RunConfig
    of_run: SessionOfRun
    host: EngineHost
    engine: Engine
    dataset: Dataset
    prompt_tokens: npt.NDArray[np.int64]
    directory: SessionDir
    console: Console
    kept: dict[Path, bytes]
    """Files of the session that are in memory too, should its folder be lost."""
    cards: Sequence[str] = ()
    """UUIDs of this machine's cards that answer."""

    def write(self, path: Path, content: bytes) -> None:
        """A new file, kept in memory too."""
        self.kept[path] = content
        write_atomic(path, content)


def idle_limit_s(stall_timeout_s: float, plan: RunPlan) -> float:
    """How long LoadGen may be without a query in flight: between two arrivals, and at its end."""
    ahead = plan.forecast
    gap_s = 0.0
    if plan.run.scenario.loadgen_scenario == "Server":
        gap_s = MEAN_GAPS * ahead.duration_expected_s / ahead.queries_expected
    return stall_timeout_s + ahead.queries_expected * LOG_S + gap_s


def run_spec(config: RunConfig, scenario: Scenario, run: int, block: int = 0) -> RunSpec:
    """What one LoadGen run asks of the engine; Offline may be reordered within a block."""
    return RunSpec(
        run=run,
        max_tokens=config.generation.max_tokens,
        min_tokens=config.generation.min_tokens,
        reports_first_token=scenario.reports_first_token,
        throughput_first=scenario is Scenario.OFFLINE,
        block=block,
        dispatch=config.engine.ray.dispatch,
    )


def make_run(
    live: LiveSession, plan: RunPlan, number: int, give_up: GiveUp | None = None
) -> RunFacts:
    """Run LoadGen once, as planned; return what `run.json` now holds.

    An error on the way leaves `.begun.json` and the journal, from which the run is finished
    (`sut.record.unfinished`).

    Args:
        live: the session whose run it is.
        plan: all that LoadGen is given.
        number: of this run on its engine, from 1.
        give_up: ends a run that can no longer become what is wanted; None: nothing does.
    """
    this = _begin(live, plan, give_up)
    sut, ledger, folder = this.sut, this.ledger, this.directory
    before = _stats(live)
    spec = run_spec(live.config, plan.run.scenario, number, plan.performance_count)
    live.host.run(partial(live.engine.begin_run, spec, sut.on_events))
    changes = Changes(ledger)
    take = partial(live.host.run, changes.take)
    journal = Journal(take, changes, live.prompt_tokens, folder.journal)
    with room_kept(folder.reserve, end_bytes(plan)), journal:
        outcome = _drive_loadgen(live, this)
    table = table_of(ledger, live.prompt_tokens)
    live.write(folder.ledger, ledger_bytes(table))
    _keep_load(live, folder)
    facts = _facts(live, this, outcome, counted(table, ledger.late_events), _counters(live, before))
    end_run(folder, facts)
    live.kept[folder.run_facts] = folder.run_facts.read_bytes()
    del live.kept[folder.begun]
    return facts


def _keep_load(live: LiveSession, folder: RunDir) -> None:
    """For the page; a disk that is full costs it, and never the run."""
    load = live.host.run(live.engine.report).load
    with suppress(OSError):
        if load:
            write_atomic(folder.engine_load, load_lines(load))


def _begin(live: LiveSession, plan: RunPlan, give_up: GiveUp | None) -> _Run:
    """Its folder, with what LoadGen reads and what is said of the run if it never ends."""
    config, run = live.config, plan.run
    directory = live.directory.new_run_dir(run.scenario.value, run.folder)
    live.write(directory.user_conf, plan.user_conf.encode())
    if plan.audit is not None:
        write_atomic(directory.audit_config, plan.audit.text)
    ledger = Ledger(
        reports_first_token=run.scenario.reports_first_token,
        bounds=bounds_of(config),
        replica=0 if config.engine.replicas is None else NO_REPLICA,
    )
    library = Library(live.dataset, plan.performance_count)
    sut = SystemUnderTest(live.engine, ledger, library, config.engine.stall_timeout_s)
    this = _Run(plan, directory, sut, ledger, datetime.now(UTC), give_up)
    nothing = _Outcome(None, interrupted=False, clock=None, surroundings=None)
    counts = counted(table_of(ledger, live.prompt_tokens), 0)
    facts = _facts(live, this, nothing, counts, {})
    live.write(directory.begun, (facts.model_dump_json(indent=2) + "\n").encode())
    return this


@dataclass(frozen=True)
class _Run:
    """One LoadGen run while it is made."""

    plan: RunPlan
    directory: RunDir
    sut: SystemUnderTest
    ledger: Ledger
    started: datetime
    give_up: GiveUp | None


def _facts(
    live: LiveSession,
    this: _Run,
    outcome: _Outcome,
    counts: LedgerFacts,
    counters: dict[str, float | None],
) -> RunFacts:
    plan, report = this.plan, live.host.run(live.engine.report)
    return RunFacts(
        session=live.of_run,
        scenario=plan.run.scenario.value,
        mode=plan.run.mode.value,
        test=plan.run.test,
        started_utc=this.started.isoformat(timespec="milliseconds"),
        ended_utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
        loadgen_model=plan.loadgen_model,
        loadgen_package=package_version("mlcommons-loadgen", "mlcommons_loadgen"),
        loadgen_returned=this.sut.loadgen_returned,
        loadgen_exit=this.sut.loadgen_error or outcome.loadgen_exit,
        engine_failure=this.sut.fault,
        interrupted=outcome.interrupted,
        audit_config=this.directory.audit_config.name if plan.audit else None,
        audit_config_sha256=plan.audit.sha256 if plan.audit else None,
        expected_settings=dict(plan.expected_settings),
        ledger=counts,
        clock=outcome.clock,
        surroundings=outcome.surroundings,
        engine_counters=counters,
        engine_figures=figures_of(report.figures),
        replica_figures={str(n): figures_of(each) for n, each in report.replicas.items()},
        incidents=report.incidents,
        log_sha256=this.directory.hashes(),
    )


def _counters(live: LiveSession, before: dict[str, float] | None) -> dict[str, float | None]:
    """What the engine counted during the run; nothing if it can no longer say.

    Nothing either once a replica was lost: its counts went with it, and the difference of two
    sums over different replicas counts nothing.
    """
    after = _stats(live)
    if before is None or after is None or live.host.run(live.engine.report).incidents:
        return {}
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def _stats(live: LiveSession) -> dict[str, float] | None:
    """The engine's counters; None from one that hangs, or cannot tell."""
    try:
        return figures_of(live.host.call(live.engine.stats(), CALL_TIMEOUT_S))
    except Exception:  # noqa: BLE001 - an engine may be of any package
        return None


def figures_of(told: Mapping[str, Any]) -> dict[str, float]:
    """What an engine measured: what is no number, or none that JSON has, was not measured."""
    found = {}
    for name, value in told.items():
        with suppress(OverflowError):
            if isinstance(value, Real) and math.isfinite(value):  # numpy's numbers are some, too
                found[name] = float(value)
    return found


@dataclass(frozen=True)
class _Outcome:
    loadgen_exit: str | None
    interrupted: bool
    clock: ClockFacts | None
    surroundings: SurroundingsFacts | None


def _drive_loadgen(live: LiveSession, this: _Run) -> _Outcome:
    """Start LoadGen's process, wait for it, and leave nothing in flight."""
    sut, ledger, log = this.sut, this.ledger, this.directory.root / "loadgen.log"
    lookout = _lookout(live, this)
    stopped, silent, clocks = None, None, ClockWatch()
    watch = CardWatch(live.cards, this.directory.cards)
    apart = not live.config.engine.elsewhere
    around = Surroundings(live.host.loop, apart=apart, begun=lambda: ledger.issued > 0)

    def look() -> str | None:
        around.look()
        return clocks.look()

    with watch, around, LoadGenProcess(_spec(live, this), log) as child:
        live.host.call(_attach(live, sut, child), CALL_TIMEOUT_S)
        with RunProgress(live.console, str(this.plan.run), lookout) as progress:
            try:
                silent = _wait(live, child, this, progress, look)
            except KeyboardInterrupt as stop:
                stopped = stopped_by(stop)
        exited_by_itself = child.process.poll() is not None
        sut.ended_by_us = not exited_by_itself
        child.end()
        ending = child.how_it_ended() if exited_by_itself or not sut.fault else None
        if silent is None or live.host.responds():  # else it may be ours that hangs
            sut.disconnected.wait(CALL_TIMEOUT_S)
    _last_look(live, sut)
    reason = sut.fault or silent or (stopped and f"{stopped} ended it") or ending or LEFT_OPEN
    live.host.run(partial(ledger.fail_outstanding, reason, time.monotonic_ns()))
    clocks.look()
    seen = around.facts(child.process.pid)
    if not exited_by_itself:
        why = stopped or silent or "the engine fault"
        ending = f"LoadGen was ended by us after {why}; its log stops there"
    return _Outcome(ending, stopped is not None, clocks.facts(), seen)


def _lookout(live: LiveSession, this: _Run) -> Lookout:
    pace, watched = pace_of(this.plan), watched_of(live.config, this.plan.run)

    def ask() -> Future[dict[str, float]]:
        return live.host.start(live.engine.stats())

    on = live.engine.preempted_on if isinstance(live.engine, OfReplicas) else dict[int, float]
    return Lookout(this.ledger, pace, Closely(this.ledger, pace, watched, ask, on))


def _last_look(live: LiveSession, sut: SystemUnderTest) -> None:
    """An engine that died with the last samples must not pass for healthy; nothing stays open."""
    for look in (live.engine.health, live.engine.cancel):
        try:
            live.host.call(look(), CALL_TIMEOUT_S)
        except TimeoutError:
            live.host.run(partial(sut.fail, f"the engine gave no sign for {CALL_TIMEOUT_S:g} s"))
        except HarnessError as error:
            live.host.run(partial(sut.fail, error.message))
        except Exception as error:  # noqa: BLE001 - an engine may be of any package
            told = f"the engine's {look.__name__} failed: {type(error).__name__}: {error}"
            live.host.run(partial(sut.fail, told))


def _spec(live: LiveSession, this: _Run) -> LoadGenSpec:
    plan, folder = this.plan, this.directory.root.resolve()
    accuracy = plan.run.mode is Mode.ACCURACY
    return LoadGenSpec(
        user_conf=str(this.directory.user_conf.resolve()),
        loadgen_model=plan.loadgen_model,
        loadgen_scenario=plan.run.scenario.loadgen_scenario,
        # LoadGen knows a compliance run as a performance run under an audit.config.
        mode=(Mode.ACCURACY if accuracy else Mode.PERFORMANCE).value,
        total_count=plan.total_count,
        performance_count=plan.performance_count,
        log_dir=str(folder),
        # Always a path of ours: LoadGen's default is audit.config in the working directory.
        audit_config=str(folder / (this.directory.audit_config.name if plan.audit else NO_AUDIT)),
        enable_trace=live.config.loadgen.enable_trace,
    )


async def _attach(live: LiveSession, sut: SystemUnderTest, child: LoadGenProcess) -> None:
    await live.host.loop.create_unix_connection(lambda: sut, sock=child.connection)


def _wait(
    live: LiveSession,
    child: LoadGenProcess,
    this: _Run,
    progress: RunProgress,
    look: Callable[[], str | None],
) -> str | None:
    """Return when LoadGen's process has ended, or is overdue after an engine fault.

    What is returned is why we end it: it gave no sign of life for too long, or is given up.
    """
    sut, ledger = this.sut, this.ledger
    deadline: float | None = None
    silence = Silence(live.config.loadgen.silence_timeout_s)
    idle = Silence(idle_limit_s(live.config.engine.stall_timeout_s, this.plan))
    while not child.wait(POLL_S):
        progress.update()
        if (why := look()) is not None:
            return why
        if (silent_s := silence.look(sut.signs)) is not None:
            return silent_process(child.process.pid, silent_s)
        if this.give_up is not None and (why := this.give_up(ledger, time.monotonic_ns())):
            return why
        # While the engine owes an answer it is the engine's silence that is watched.
        signs = time.monotonic_ns() if ledger.outstanding else ledger.issued
        if (idle_s := idle.look(signs)) is not None:
            return f"LoadGen neither asked nor ended for {idle_s:.0f} s"
        if sut.fault and deadline is None:
            deadline = time.monotonic() + FAULT_GRACE_S
        if deadline is not None and time.monotonic() > deadline:
            return None
    progress.update(last=True)
    return None
